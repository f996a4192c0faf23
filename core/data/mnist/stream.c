#include "core/data/mnist/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/files/write_all.h"
#include "core/base/memory.h"

enum {
    BUFFER_BYTES = 1 << 16,
    PIECE_BYTES = 1 << 30,  // gzread counts in int
    MAX_NAME_BYTES = 300,
};

struct Stream {
    char *label;
    int fd;       // -1: zlib has it
    gzFile file;  // NULL until zlib has it
};

const char *stream_name(const Stream *stream)
{
    const size_t length = strlen(stream->label);
    return stream->label + (length > MAX_NAME_BYTES ? length - MAX_NAME_BYTES : 0);
}

bool stream_is_cut(Stream *stream)
{
    int status;
    gzerror(stream->file, &status);
    return status == Z_BUF_ERROR;
}

static Stream *new_stream(const char *label)
{
    Stream *s = xcalloc(1, sizeof *s);
    s->label = xstrdup(label);
    s->fd = -1;
    return s;
}

/* Hand the open file to zlib; closes the stream on failure. */
static bool start(Stream *s, Stream **stream, Error *err)
{
    s->file = gzdopen(s->fd, "rb");
    if (s->file)
        s->fd = -1;
    if (!s->file || gzbuffer(s->file, BUFFER_BYTES) != 0) {
        fail(err, ERR_NO_MEMORY, "no memory to unpack %s", stream_name(s));
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
    s->fd = memfd_create("stream", MFD_CLOEXEC);
    if (s->fd < 0 || !write_all(s->fd, bytes, size) || lseek(s->fd, 0, SEEK_SET) != 0) {
        fail(err, ERR_NO_MEMORY, "no memory for a copy of %s: %s", stream_name(s), strerror(errno));
        stream_close(s);
        return false;
    }
    return start(s, stream, err);
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
    return start(s, stream, err);
}

void stream_close(Stream *stream)
{
    if (!stream)
        return;
    if (stream->file)
        gzclose_r(stream->file);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->label);
    free(stream);
}

static bool refuse(const Stream *s, Error *err)
{
    const int system_error = errno;
    int status;
    const char *reason = gzerror(s->file, &status);
    if (status == Z_ERRNO)
        return fail(err, ERR_IO, "read %s: %s", stream_name(s), strerror(system_error));
    if (status == Z_MEM_ERROR)
        return fail(err, ERR_NO_MEMORY, "no memory to unpack %s", stream_name(s));
    // zlib puts "<fd:3>: " before its reason.
    const char *colon = strstr(reason, ">: ");
    return fail(err, ERR_INVALID, "%s has damaged gzip data: %s", stream_name(s),
                colon ? colon + strlen(">: ") : reason);
}

bool stream_read(Stream *stream, uint8_t *dst, size_t want, size_t *got, Error *err)
{
    *got = 0;
    while (*got < want) {
        const size_t left = want - *got;
        const int part =
            gzread(stream->file, dst + *got, (unsigned)(left < PIECE_BYTES ? left : PIECE_BYTES));
        if (part < 0)
            return refuse(stream, err);
        if (part == 0)
            return true;
        *got += (size_t)part;
    }
    return true;
}
