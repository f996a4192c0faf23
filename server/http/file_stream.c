#include "server/http/file_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { PIECE = 256 << 10 };

typedef struct {
    int fd;
    int64_t offset;
    size_t left;
} FilePart;

static StreamStep next_piece(void *context, char **piece, size_t *size)
{
    FilePart *part = context;
    if (part->left == 0)
        return STREAM_END;
    const size_t wanted = part->left < PIECE ? part->left : PIECE;
    char *bytes = malloc(wanted);
    ssize_t got = -1;
    do {
        if (bytes)
            got = pread(part->fd, bytes, wanted, part->offset);
    } while (bytes && got < 0 && errno == EINTR);
    if (got <= 0) {
        free(bytes);
        return STREAM_FAILED;
    }
    part->offset += got;
    part->left -= (size_t)got;
    *piece = bytes;
    *size = (size_t)got;
    return STREAM_PIECE;
}

static void free_part(void *context)
{
    FilePart *part = context;
    close(part->fd);
    free(part);
}

BodyStream file_stream(int fd, int64_t offset, size_t size)
{
    FilePart *part = xcalloc(1, sizeof *part);
    *part = (FilePart){.fd = fd, .offset = offset, .left = size};
    return (BodyStream){.next = next_piece, .free = free_part, .context = part};
}
