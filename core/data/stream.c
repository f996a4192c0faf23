#include "core/data/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/memory.h"

enum {
    BUFFER_BYTES = 1 << 16,
    MAX_NAME_BYTES = 300,
    GZIP_WINDOW = 15 + 16,  // zlib: the largest window, and a gzip header around the data
};

struct Stream {
    char *label;
    int fd;                 // -1: bytes come from memory
    const uint8_t *memory;  // what is left of it
    size_t memory_size;
    bool gzip;
    bool in_member;  // gzip: between a member's first byte and its checksum
    z_stream z;      // next_in and avail_in also serve plain bytes
    uint8_t buffer[BUFFER_BYTES];
};

const char *stream_name(const Stream *stream)
{
    const size_t length = strlen(stream->label);
    return stream->label + (length > MAX_NAME_BYTES ? length - MAX_NAME_BYTES : 0);
}

bool stream_is_cut(const Stream *stream)
{
    return stream->gzip && stream->in_member;
}

/* Make avail_in more than 0, or leave it at 0 at the end. */
static bool refill(Stream *s, Error *err)
{
    if (s->z.avail_in > 0)
        return true;
    if (s->fd < 0) {
        const size_t part = s->memory_size < BUFFER_BYTES ? s->memory_size : BUFFER_BYTES;
        s->z.next_in = (z_const Bytef *)s->memory;
        s->z.avail_in = (uInt)part;
        s->memory += part;
        s->memory_size -= part;
        return true;
    }
    ssize_t got;
    do
        got = read(s->fd, s->buffer, BUFFER_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail(err, ERR_IO, "read %s: %s", stream_name(s), strerror(errno));
    s->z.next_in = s->buffer;
    s->z.avail_in = (uInt)got;
    return true;
}

/* Look at the first bytes and get ready for what they are. */
static bool start(Stream *s, Error *err)
{
    if (!refill(s, err))
        return false;
    if (s->z.avail_in < 2 || s->z.next_in[0] != 0x1f || s->z.next_in[1] != 0x8b)
        return true;
    if (inflateInit2(&s->z, GZIP_WINDOW) != Z_OK)
        return fail(err, ERR_NO_MEMORY, "no memory to unpack %s", stream_name(s));
    s->gzip = true;
    s->in_member = true;
    return true;
}

static Stream *new_stream(const char *label)
{
    Stream *s = xcalloc(1, sizeof *s);
    s->label = xstrdup(label);
    s->fd = -1;
    return s;
}

static bool finish_open(Stream *s, Stream **stream, Error *err)
{
    if (!start(s, err)) {
        stream_close(s);
        return false;
    }
    *stream = s;
    return true;
}

bool stream_open_memory(const char *label, const uint8_t *bytes, size_t size, Stream **stream,
                        Error *err)
{
    Stream *s = new_stream(label);
    s->memory = bytes;
    s->memory_size = size;
    return finish_open(s, stream, err);
}

bool stream_open(const char *path, Stream **stream, Error *err)
{
    Stream *s = new_stream(path);
    // Opening a named pipe would wait for a writer without O_NONBLOCK.
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    bool ok = s->fd >= 0 && fstat(s->fd, &info) == 0;
    if (!ok && (errno == ENOENT || errno == ENOTDIR))
        fail(err, ERR_NOT_FOUND, "%s is missing", stream_name(s));
    else if (!ok)
        fail(err, ERR_IO, "open %s: %s", stream_name(s), strerror(errno));
    else if (!S_ISREG(info.st_mode))
        ok = fail(err, ERR_INVALID, "%s is not a regular file", stream_name(s));
    if (!ok) {
        stream_close(s);
        return false;
    }
    return finish_open(s, stream, err);
}

void stream_close(Stream *stream)
{
    if (!stream)
        return;
    if (stream->gzip)
        inflateEnd(&stream->z);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->label);
    free(stream);
}

static void copy_some(Stream *s, uint8_t *dst, size_t want, size_t *got)
{
    const size_t part = s->z.avail_in < want ? s->z.avail_in : want;
    memcpy(dst, s->z.next_in, part);
    s->z.next_in += part;
    s->z.avail_in -= (uInt)part;
    *got = part;
}

static bool inflate_some(Stream *s, uint8_t *dst, size_t want, size_t *got, Error *err)
{
    const uInt room = want < BUFFER_BYTES ? (uInt)want : BUFFER_BYTES;
    if (!s->in_member)
        inflateReset(&s->z);
    s->in_member = true;
    s->z.next_out = dst;
    s->z.avail_out = room;
    const int status = inflate(&s->z, Z_NO_FLUSH);
    *got = room - s->z.avail_out;
    if (status == Z_STREAM_END)
        s->in_member = false;
    else if (status == Z_MEM_ERROR)
        return fail(err, ERR_NO_MEMORY, "no memory to unpack %s", stream_name(s));
    else if (status != Z_OK && status != Z_BUF_ERROR)
        return fail(err, ERR_INVALID, "%s has damaged gzip data: %s", stream_name(s),
                    s->z.msg ? s->z.msg : "not a plain gzip stream");
    return true;
}

bool stream_read(Stream *stream, uint8_t *dst, size_t want, size_t *got, Error *err)
{
    *got = 0;
    while (*got < want) {
        if (!refill(stream, err))
            return false;
        if (stream->z.avail_in == 0)
            return true;
        size_t part = 0;
        if (!stream->gzip)
            copy_some(stream, dst + *got, want - *got, &part);
        else if (!inflate_some(stream, dst + *got, want - *got, &part, err))
            return false;
        *got += part;
    }
    return true;
}
