/* server/jobs/field_hint.c -- which field a misspelt name may have meant. */
#include <string.h>

#include "server/jobs/spec_fields.h"

enum { HINT_LENGTH = 40 };  // longer keys are compared with nothing

/* The letters to insert, delete or change that turn a into b (Levenshtein 1966). */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t length = strlen(b);
    size_t row[HINT_LENGTH + 1];
    if (strlen(a) > HINT_LENGTH || length > HINT_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[length];
}

const Field *field_hint(const char *pointer, const char *key)
{
    size_t count;
    const Field *fields = spec_fields(&count);
    const Field *nearest = NULL;
    size_t distance = 2 + strlen(key) / 6;  // from here on it is another word
    const size_t group_length = strlen(pointer);
    for (size_t i = 0; i < count; i++) {
        const char *leaf = strrchr(fields[i].pointer, '/');
        const bool sibling = (size_t)(leaf - fields[i].pointer) == group_length
                             && strncmp(fields[i].pointer, pointer, group_length) == 0;
        // In another group only the right name is a hint.
        const size_t d = edit_distance(key, leaf + 1);
        if (sibling ? d < distance : (d == 0 && !nearest)) {
            nearest = &fields[i];
            distance = sibling ? d : distance;
        }
    }
    return nearest;
}
