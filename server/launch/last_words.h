/* server/launch/last_words.h -- the last lines that a launcher and its ranks have said, for the
 * sentence that tells how they ended. */
#pragma once
#include <stddef.h>

enum {
    LAST_WORDS = 16,         // lines that are remembered
    LAST_WORDS_BYTES = 160,  // of each
};

typedef struct {
    char lines[LAST_WORDS][LAST_WORDS_BYTES];
    int count;
} LastWords;

/* One that holds nothing but a frame is passed over. */
void last_words_add(LastWords *words, const char *line);

/* Append ", after it said: ...; ..." to the `used` bytes of `text`: as many of the last lines as
 * `size` has room for, those of this program before the launcher's own. Nothing if nothing was
 * said. */
void last_words_tell(const LastWords *words, char *text, int used, size_t size);
