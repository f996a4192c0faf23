#include "core/data/decode/png_plain.h"

#include <libdeflate.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/byte_order.h"
#include "core/data/decode/colour.h"
#include "core/data/decode/png_chunks.h"
#include "core/data/decode/png_rows.h"

enum { OTHERS_MOST = 100 };  // chunks before the pixels

/* How the samples of a colour type become the result. */
typedef struct {
    int bytes;                                                       // of a pixel in the file
    int channels;                                                    // of the result; 0: not plain
    void (*finish)(const uint8_t *src, size_t count, uint8_t *dst);  // NULL: they are it
} Kind;

static const Kind KINDS[] = {
    [0] = {1, 1, NULL},
    [2] = {3, 3, NULL},
    [4] = {2, 1, grey_alpha_over_white},
    [6] = {4, 3, rgba_over_white},
};

static bool is_whole(const PngChunks *c)
{
    return libdeflate_crc32(0, c->data - 4, c->length + 4) == read_be32(c->data + c->length);
}

static bool is_ancillary(const PngChunks *c)
{
    return c->type[0] & 0x20;
}

static bool read_head(PngChunks *c, StoredPicture *p, const Kind **kind)
{
    if (!png_next_chunk(c) || !png_chunk_is(c, "IHDR") || c->length != 13 || !is_whole(c))
        return false;
    const uint32_t width = read_be32(c->data), height = read_be32(c->data + 4);
    const uint8_t depth = c->data[8], colour = c->data[9];
    const bool plain = depth == 8 && colour < COUNT(KINDS) && c->data[10] == 0 && c->data[11] == 0
                       && c->data[12] == 0;
    // Far from where a row's bytes or the number of rows are no int any more.
    if (!plain || width < 1 || height < 1 || width > INT_MAX / 8 || height > INT_MAX / 8)
        return false;
    *kind = &KINDS[colour];
    p->width = (int)width;
    p->height = (int)height;
    p->channels = (*kind)->channels;
    return p->channels > 0;
}

/* To the first chunk of pixels. */
static bool find_pixels(PngChunks *c)
{
    for (int others = 0; png_next_chunk(c); others++) {
        if (png_chunk_is(c, "IDAT"))
            return true;
        if (!is_ancillary(c) || png_chunk_is(c, "tRNS") || others == OTHERS_MOST)
            return false;
    }
    return false;
}

/* All chunks of pixels as one: *data and *size; *joined, to be freed, where there are several. */
static bool join_pixels(PngChunks *c, const uint8_t **data, size_t *size, uint8_t **joined)
{
    const uint8_t *const first = c->data;
    const PngChunks start = *c;
    size_t count = 0, total = 0;
    do {
        if (!is_whole(c))
            return false;
        count++;
        total += c->length;
    } while (png_next_chunk(c) && png_chunk_is(c, "IDAT"));
    *size = total;
    *data = first;
    if (count == 1)
        return true;
    *joined = malloc(total + 1);
    if (!*joined)
        return false;
    *c = start;
    for (size_t i = 0, at = 0; i < count; i++, at += c->length, png_next_chunk(c))
        memcpy(*joined + at, c->data, c->length);
    *data = *joined;
    return true;
}

static bool inflate_all(const uint8_t *data, size_t size, uint8_t *rows, size_t bytes)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    size_t used, made;
    const bool ok = d
                    && libdeflate_zlib_decompress_ex(d, data, size, rows, bytes, &used, &made)
                           == LIBDEFLATE_SUCCESS
                    && used == size && made == bytes;
    libdeflate_free_decompressor(d);
    return ok;
}

/* Rows with their filters' bytes become the result, which begins where they do. */
static void pack_rows(uint8_t *rows, const StoredPicture *p, const Kind *kind)
{
    const size_t width = (size_t)p->width, row_bytes = width * (size_t)kind->bytes + 1;
    for (size_t y = 0; y < (size_t)p->height; y++) {
        const uint8_t *src = rows + y * row_bytes + 1;
        uint8_t *dst = rows + y * width * (size_t)kind->channels;
        if (kind->finish)
            kind->finish(src, width, dst);
        else
            memmove(dst, src, row_bytes - 1);
    }
}

static bool decode_rows(const uint8_t *data, size_t size, const Kind *kind, StoredPicture *p)
{
    const size_t row_bytes = (size_t)p->width * (size_t)kind->bytes, height = (size_t)p->height;
    uint8_t *rows = pixels_memory(height * (row_bytes + 1) + PNG_ROW_SLACK);
    if (!rows || !inflate_all(data, size, rows, height * (row_bytes + 1))
        || !png_rows_restore(rows, height, row_bytes, (size_t)kind->bytes)) {
        free(rows);
        return false;
    }
    pack_rows(rows, p, kind);
    p->pixels = rows;
    return true;
}

bool decode_plain_png(const uint8_t *bytes, size_t size, const DecodeLimits *limits,
                      StoredPicture *picture)
{
    PngChunks chunks = png_chunks(bytes, size);
    StoredPicture p = *picture;
    const Kind *kind;
    const uint8_t *data;
    uint8_t *joined = NULL;
    size_t data_size;
    const bool ok = read_head(&chunks, &p, &kind)
                    && size_allowed(limits, "PNG", p.width, p.height, kind->bytes + 1, NULL)
                    && find_pixels(&chunks) && join_pixels(&chunks, &data, &data_size, &joined)
                    && decode_rows(data, data_size, kind, &p);
    free(joined);
    if (ok)
        *picture = p;
    return ok;
}
