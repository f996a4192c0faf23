/* DESIGN
 * libspng decodes to 8 bits a channel: grey where that is all there is, RGBA where something is
 * transparent or of a kind that it turns to nothing else, RGB for the rest. Transparency is then
 * laid over white in place, the result being the shorter.
 *
 * Most PNGs are plain enough not to need it (png_plain.h).
 *
 * Checksums of critical chunks must be right. Other chunks are of no interest, but for EXIF; bad
 * ones are skipped.
 */
#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/numbers/byte_order.h"
#include "core/data/decode/colour.h"
#include "core/data/decode/format.h"
#include "core/data/decode/orientation.h"
#include "core/data/decode/png_chunks.h"
#include "core/data/decode/png_plain.h"

static const char NAME[] = "PNG";

enum {
    CHUNK_MOST = 1 << 24,   // bytes of one that is not pixels
    CHUNKS_MOST = 1 << 26,  // bytes of all such that libspng keeps
};

/* How a kind of PNG is decoded. */
typedef struct {
    enum spng_format format;
    int bytes;                                                       // of a decoded pixel
    int channels;                                                    // of the result
    void (*finish)(const uint8_t *src, size_t count, uint8_t *dst);  // NULL: nothing to do
} Way;

static Way choose_way(const struct spng_ihdr *head, bool transparent)
{
    const bool grey = head->color_type == SPNG_COLOR_TYPE_GRAYSCALE
                      || head->color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
    const bool alpha = transparent || head->color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA
                       || head->color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
    if (head->color_type == SPNG_COLOR_TYPE_GRAYSCALE && head->bit_depth <= 8)
        return alpha ? (Way){SPNG_FMT_GA8, 2, 1, grey_alpha_over_white}
                     : (Way){SPNG_FMT_G8, 1, 1, NULL};
    if (grey)
        return (Way){SPNG_FMT_RGBA8, 4, 1, rgba_grey_over_white};
    return alpha ? (Way){SPNG_FMT_RGBA8, 4, 3, rgba_over_white} : (Way){SPNG_FMT_RGB8, 3, 3, NULL};
}

static bool fail_png(int status, Error *err)
{
    if (status == SPNG_EMEM || status == SPNG_EZLIB_INIT)
        return fail(err, ERR_NO_MEMORY, "no memory to decode a PNG");
    if (status == SPNG_IO_EOF || status == SPNG_EOF || status == SPNG_EIDAT_TOO_SHORT)
        return fail_truncated(err, NAME);
    return fail_damaged(err, NAME, spng_strerror(status));
}

/* The data of the first chunk of this type, or NULL. */
static const uint8_t *find_chunk(const uint8_t *bytes, size_t size, const char *type,
                                 size_t *length)
{
    PngChunks chunks = png_chunks(bytes, size);
    while (png_next_chunk(&chunks))
        if (png_chunk_is(&chunks, type)) {
            *length = chunks.length;
            return chunks.data;
        }
    return NULL;
}

/* An APNG says how many pictures it has. */
static bool is_animated(const uint8_t *bytes, size_t size)
{
    size_t length;
    const uint8_t *control = find_chunk(bytes, size, "acTL", &length);
    return control && length >= 4 && read_be32(control) > 1;
}

/* Before the pixels or behind them. */
static int find_orientation(const uint8_t *bytes, size_t size)
{
    size_t length;
    const uint8_t *exif = find_chunk(bytes, size, "eXIf", &length);
    return exif ? exif_orientation(exif, length) : 1;
}

static bool decode_pixels(spng_ctx *png, const DecodeLimits *limits, StoredPicture *p, Error *err)
{
    struct spng_ihdr head;
    struct spng_trns trns;
    int status = spng_get_ihdr(png, &head);
    if (status)
        return fail_png(status, err);
    // The same for all of them is to read up to the pixels; that there is none is no fault.
    const int has_trns = spng_get_trns(png, &trns);
    if (has_trns && has_trns != SPNG_ECHUNKAVAIL)
        return fail_png(has_trns, err);
    const Way way = choose_way(&head, has_trns == 0);
    if (!size_allowed(limits, NAME, head.width, head.height, way.bytes, err))
        return false;
    p->width = (int)head.width;
    p->height = (int)head.height;
    p->channels = way.channels;
    p->pixels = pixels_new(p->width, p->height, way.bytes, err);
    if (!p->pixels)
        return false;
    const size_t count = (size_t)p->width * (size_t)p->height;
    status = spng_decode_image(png, p->pixels, count * (size_t)way.bytes, (int)way.format,
                               SPNG_DECODE_TRNS);
    if (status)
        return fail_png(status, err);
    if (way.finish)
        way.finish(p->pixels, count, p->pixels);
    return true;
}

bool decode_png(const uint8_t *bytes, size_t size, const DecodeLimits *limits,
                StoredPicture *picture, Error *err)
{
    if (is_animated(bytes, size))
        return fail_as(err, ERR_INVALID, "picture_animated", "the PNG is an animation");
    picture->orientation = find_orientation(bytes, size);
    if (decode_plain_png(bytes, size, limits, picture))
        return true;
    spng_ctx *png = spng_ctx_new(0);
    if (!png)
        return fail_png(SPNG_EMEM, err);
    int status = spng_set_crc_action(png, SPNG_CRC_ERROR, SPNG_CRC_DISCARD);
    status = status ? status : spng_set_chunk_limits(png, CHUNK_MOST, CHUNKS_MOST);
    status = status ? status : spng_set_png_buffer(png, bytes, size);
    const bool ok = status ? fail_png(status, err) : decode_pixels(png, limits, picture, err);
    spng_ctx_free(png);
    if (!ok) {
        free(picture->pixels);
        picture->pixels = NULL;
    }
    return ok;
}
