/* server/launch/line_reader.h -- lines out of a pipe that is read without waiting. */
#pragma once
#include <stddef.h>

/* The bytes that came, and the line of them that was given out last. */
typedef struct {
    int fd;  // -1: it is closed
    char *text;
    size_t length, room, taken;
} LineReader;

/* Read what is there; closes the descriptor at the end. */
void line_reader_fill(LineReader *in);

/* The next whole line that has come, or what is left where no more comes; NULL: none. Valid until
 * the next call. */
const char *line_reader_take(LineReader *in);

void line_reader_close(LineReader *in);  // and free the bytes
