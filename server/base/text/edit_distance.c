#include "server/base/text/edit_distance.h"

#include <stdint.h>
#include <string.h>

enum { LONGEST = 40 };  // longer words are compared with nothing

size_t edit_distance(const char *a, const char *b)
{
    const size_t length = strlen(b);
    size_t row[LONGEST + 1];
    if (strlen(a) > LONGEST || length > LONGEST)
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

size_t edit_distance_limit(const char *word)
{
    return 2 + strlen(word) / 6;
}
