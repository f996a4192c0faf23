/* server/settings/field_hint.c -- which field a misspelt name may have meant. */
#include <string.h>

#include "server/base/text/edit_distance.h"
#include "server/settings/spec_fields.h"

const Field *field_hint(const char *pointer, const char *key)
{
    size_t count;
    const Field *fields = spec_fields(&count);
    const Field *nearest = NULL, *elsewhere = NULL;
    int others = 0;  // that have this very name in another group
    size_t distance = edit_distance_limit(key);
    const size_t group_length = strlen(pointer);
    for (size_t i = 0; i < count; i++) {
        const char *leaf = strrchr(fields[i].pointer, '/');
        const bool sibling = (size_t)(leaf - fields[i].pointer) == group_length
                             && strncmp(fields[i].pointer, pointer, group_length) == 0;
        const size_t d = edit_distance(key, leaf + 1);
        if (sibling && d < distance) {
            nearest = &fields[i];
            distance = d;
        } else if (!sibling && d == 0) {
            elsewhere = &fields[i];
            others++;
        }
    }
    // In another group only the right name is a hint, and only where there is one of it.
    return nearest || others != 1 ? nearest : elsewhere;
}
