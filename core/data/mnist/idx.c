#include "core/data/mnist/idx.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/base/numbers/byte_order.h"
#include "core/data/mnist/stream.h"

enum {
    UNSIGNED_BYTES = 0x0800,  // magic number: the items' type, above the number of dimensions
    FIRST_ROOM = 1 << 20,     // bytes allocated before any item has been seen
    MAX_DIMS = 3,
};

static const char *items_name(IdxKind kind)
{
    return kind == IDX_LABELS ? "labels" : "images";
}

static bool check_size(Stream *s, const char *what, uint32_t got, uint32_t max, Error *err)
{
    if (got >= 1 && got <= max)
        return true;
    return fail(err, ERR_INVALID, "%s: %s must be 1 to %" PRIu32 ", its header says %" PRIu32,
                stream_name(s), what, max, got);
}

static bool read_header(Stream *s, IdxKind kind, Idx *idx, Error *err)
{
    uint8_t header[4 + 4 * MAX_DIMS];
    const size_t want = 4 + 4 * (size_t)kind;
    size_t got;
    if (!stream_read(s, header, want, &got, err))
        return false;
    const uint32_t magic = UNSIGNED_BYTES + (uint32_t)kind;
    if (got >= 4 && read_be32(header) != magic)
        return fail(err, ERR_INVALID,
                    "%s has the wrong magic number 0x%08" PRIx32
                    ": an IDX file of %s begins with 0x%08" PRIx32,
                    stream_name(s), read_be32(header), items_name(kind), magic);
    if (got < want)
        return fail(err, ERR_INVALID,
                    "%s is cut off: %zu of the %zu bytes of its header are missing", stream_name(s),
                    want - got, want);

    const uint32_t count = read_be32(header + 4);
    const uint32_t height = kind == IDX_IMAGES ? read_be32(header + 8) : 1;
    const uint32_t width = kind == IDX_IMAGES ? read_be32(header + 12) : 1;
    if (!check_size(s, "number of items", count, INT32_MAX, err)
        || !check_size(s, "height", height, IDX_MAX_SIDE, err)
        || !check_size(s, "width", width, IDX_MAX_SIDE, err))
        return false;
    const uint64_t bytes = (uint64_t)count * height * width;
    if (bytes > IDX_MAX_BYTES)
        return fail(err, ERR_INVALID,
                    "%s: its header says %" PRIu64 " bytes of %s, more than the %" PRIu64
                    " that are accepted",
                    stream_name(s), bytes, items_name(kind), IDX_MAX_BYTES);
    idx->count = (int)count;
    idx->height = (int)height;
    idx->width = (int)width;
    return true;
}

static bool read_items(Stream *s, IdxKind kind, Idx *idx, Error *err)
{
    const size_t total = (size_t)idx->count * (size_t)idx->height * (size_t)idx->width;
    size_t room = FIRST_ROOM / 2, have = 0;
    while (have < total) {
        room = 2 * room < total ? 2 * room : total;
        uint8_t *data = realloc(idx->data, room);
        if (!data)
            return fail(err, ERR_NO_MEMORY, "no memory for the %zu bytes of %s", total,
                        stream_name(s));
        idx->data = data;
        size_t got;
        if (!stream_read(s, data + have, room - have, &got, err))
            return false;
        have += got;
        if (have < room)
            return fail(err, ERR_INVALID, "%s is cut off: %zu of its %zu bytes of %s are missing",
                        stream_name(s), total - have, total, items_name(kind));
    }
    return true;
}

static bool check_end(Stream *s, IdxKind kind, const Idx *idx, Error *err)
{
    uint8_t extra;
    size_t got;
    if (!stream_read(s, &extra, 1, &got, err))
        return false;
    if (got > 0)
        return fail(err, ERR_INVALID,
                    "%s has bytes after the last of the %d %s that its header says", stream_name(s),
                    idx->count, items_name(kind));
    if (stream_is_cut(s))
        return fail(err, ERR_INVALID, "%s is cut off: the end of its gzip data is missing",
                    stream_name(s));
    return true;
}

/* Closes the stream. */
static bool read_stream(Stream *s, IdxKind kind, Idx *idx, Error *err)
{
    *idx = (Idx){0};
    const bool ok = read_header(s, kind, idx, err) && read_items(s, kind, idx, err)
                    && check_end(s, kind, idx, err);
    if (!ok)
        idx_free(idx);
    stream_close(s);
    return ok;
}

bool idx_read(const char *path, IdxKind kind, Idx *idx, Error *err)
{
    Stream *s;
    return stream_open(path, &s, err) && read_stream(s, kind, idx, err);
}

bool idx_parse(const char *label, const uint8_t *bytes, size_t size, IdxKind kind, Idx *idx,
               Error *err)
{
    Stream *s;
    return stream_open_memory(label, bytes, size, &s, err) && read_stream(s, kind, idx, err);
}

void idx_free(Idx *idx)
{
    free(idx->data);
    *idx = (Idx){0};
}
