/* server/base/nfc.h -- one spelling for letters with marks.
 *
 * "é" is one character or two: programs on most systems write the one, macOS names files by the
 * other. Whoever compares names of files brings both into one form first.
 *
 * Source   Unicode Standard Annex 15, normalization form C. Marks are composed in the order in
 * which they stand: text whose marks are not in canonical order is not reordered.
 */
#pragma once

/* The text, which is valid UTF-8, composed; from malloc. */
char *nfc_text(const char *text);
