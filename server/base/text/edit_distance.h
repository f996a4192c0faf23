/* server/base/text/edit_distance.h -- how far a misspelt word is from another, for hints. */
#pragma once
#include <stddef.h>

/* Letters to insert, delete or change to make b of a; SIZE_MAX for long words.
 * Source   Levenshtein 1966. */
size_t edit_distance(const char *a, const char *b);

/* From this distance on `word` is another word, not a misspelling. */
size_t edit_distance_limit(const char *word);
