/* core/base/text.h -- UTF-8, and text from outside made fit to be shown.
 *
 * Messages quote what files, requests and the system contain, in buffers of fixed size. What comes
 * out goes into JSON, logs and terminals, so it must be UTF-8 without control characters.
 *
 * Source   Unicode 15, table 3-7, "Well-Formed UTF-8 Byte Sequences".
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character at `at`, 1 to 4; 0 if there is no valid one before `end`. */
size_t utf8_next(const char *at, const char *end);
bool utf8_valid(const char *text);
/* Write a code point, up to U+10FFFF, at `at`; the 1 to 4 bytes that it takes. */
size_t utf8_put(uint32_t code, char *at);
/* Blanks behind `text` that fill a column so many characters wide; 0 where it is as long or longer.
 * printf's own width counts bytes. */
int utf8_padding(const char *text, int column);
/* The column, or a wider one that `text` fills, of `most` characters at most. */
int utf8_widen(int column, const char *text, int most);
int text_order(const void *a, const void *b);  // of two char *, by their bytes: for qsort
bool text_has_control(const char *text);       // a byte below 32, or 127

/* Make `text` one line of printable UTF-8, in place: bytes that are not UTF-8 and control
 * characters become question marks; a character that the end of a buffer has cut off is removed. */
void text_clean(char *text);

/* The same for what snprintf wrote into a buffer of `size` bytes: `length` is what it returned.
 * Text that did not fit ends in "...". */
void text_finish(char *text, size_t size, int length);

/* The same for a text elsewhere, copied into a buffer of `size` bytes, at least 16: one that does
 * not fit has its middle left out, as a sentence says its reason at the end. */
void text_fit(char *text, size_t size, const char *whole);
