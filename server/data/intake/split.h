/* server/data/intake/split.h -- which pictures train and which test, where a set does not say.
 *
 * Stratified: of each class `share` of its pictures, rounded to the nearest whole number, are for
 * testing, but at least one and never all, where the class has two. Pictures of one group (equal
 * pictures, say) stay on one side; a group may reach over classes. Then a class's share is met as
 * nearly as its groups allow, and a class whose pictures are all one group trains.
 *
 * The outcome depends on the pictures' keys, labels, groups and the seed alone, not on the order in
 * which they are given. Draws: for each group a number from (seed, least key in it); groups are
 * taken in that order, once the classes with the fewest pictures have been served.
 */
#pragma once
#include "server/data/intake/layout/layout.h"

typedef struct {
    const char *key;  // what names the picture: its path. Unique
    int32_t label;    // below `classes`
    int64_t group;    // pictures with the same number stay together; -1: stands alone
} SplitItem;

/* Of a class's pictures, for testing: where nobody says, and at the most. */
#define SPLIT_DEFAULT_SHARE 0.2
#define SPLIT_MAX_SHARE     0.9

/* split[i] becomes INTAKE_TRAIN or INTAKE_TEST. ERR_INVALID: a share outside 0 to 0.9; share 0 is
 * no test pictures. */
bool split_assign(const SplitItem *items, size_t count, int classes, double share, uint64_t seed,
                  IntakeSplit *split, Error *err);
