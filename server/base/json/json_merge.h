/* server/base/json/json_merge.h -- merge patches.
 *
 * Source   RFC 7396.
 */
#pragma once
#include <cJSON.h>

#include "server/base/faults.h"

enum { MERGE_MOST_FIELDS = 64 };  // of one object: looking each up takes time with the square

/* What the object `patch` names replaces what the object `target` has, and null removes it; objects
 * are merged member by member. `pointer` is where both stand. A name that is given twice and an
 * object with too many are faults. */
void json_merge(cJSON *target, const cJSON *patch, const char *pointer, Faults *faults);
