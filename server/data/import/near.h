/* server/data/import/near.h -- groups of pictures whose perceptual hashes are nearly equal.
 *
 * Two hashes are near if they differ in at most NEAR_BITS bits. Groups are connected: a picture is
 * in one with every picture it is near to, the nearest joined first, until a group has NEAR_MOST
 * pictures; it then grows no more. (Equal hashes are always together.)
 *
 * DESIGN  Multi-index hashing: cut into NEAR_BITS + 1 bands, two near hashes have at least one band
 * in common, so only hashes of one bucket are compared. Equal hashes are one. Where buckets are
 * crowded, work ends after a number of comparisons, and says so.
 *
 * Source   Norouzi, Punjani, Fleet 2012, "Fast Search in Hamming Space with Multi-Index Hashing".
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NEAR_BITS = 4, NEAR_MOST = 100 };

/* groups[i] becomes the least index in the group of picture i, i itself where it is alone. False:
 * the work was cut short, and there may be more near ones. */
bool near_groups(const uint64_t *hashes, size_t count, size_t *groups);
