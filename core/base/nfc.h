/* core/base/nfc.h -- one spelling for letters with marks.
 *
 * "é" is one character or two: programs on most systems write the one, macOS names files by the
 * other. Whoever compares names of files brings both into one form first.
 *
 * Source   Unicode Standard Annex 15, normalization form C. Marks are composed in the order in
 * which they stand, each with the character before it: text whose marks are not in canonical order
 * is not reordered, and a mark is not composed over one of another class (e, U+0329, U+0301).
 */
#pragma once

#include <stdbool.h>

/* The text, which is valid UTF-8, composed; from malloc. */
char *nfc_text(const char *text);

/* Whether two texts are the same once composed; what is not valid UTF-8 is the same byte by byte
 * alone. */
bool nfc_equal(const char *a, const char *b);
