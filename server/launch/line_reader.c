#include "server/launch/line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { MAX_LINE = 16 << 20 };  // a longer one is given out in pieces

/* How many are left without NULs: Open MPI 5 ends some of its words with one. */
static size_t without_nuls(char *text, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i])
            text[kept++] = text[i];
    return kept;
}

void line_reader_fill(LineReader *in)
{
    enum { PIECE = 65536 };
    if (in->room < in->length + PIECE + 1) {
        in->room = 2 * in->length + PIECE + 1;
        in->text = xrealloc(in->text, in->room, 1);
    }
    const ssize_t got = read(in->fd, in->text + in->length, PIECE);
    if (got > 0) {
        in->length += without_nuls(in->text + in->length, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(in->fd);
        in->fd = -1;
    }
}

const char *line_reader_take(LineReader *in)
{
    if (in->taken > 0) {
        in->length -= in->taken;
        memmove(in->text, in->text + in->taken, in->length);
        in->taken = 0;
    }
    char *end = in->length > 0 ? memchr(in->text, '\n', in->length) : NULL;
    if (!end && (in->length == 0 || (in->fd >= 0 && in->length < MAX_LINE)))
        return NULL;
    in->taken = end ? (size_t)(end - in->text) + 1 : in->length;
    in->text[end ? in->taken - 1 : in->length] = '\0';  // there is room: line_reader_fill
    return in->text;
}

void line_reader_close(LineReader *in)
{
    if (in->fd >= 0)
        close(in->fd);
    free(in->text);
    *in = (LineReader){.fd = -1};
}
