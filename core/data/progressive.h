/* core/data/progressive.h -- image sizes that grow over the epochs.
 *
 * From `from` in the first epoch to the final size in epoch `until_epoch` (counted from 0) along a
 * straight line, rounded to whole steps.
 *
 * Source   FFCV's ImageNet recipes (Leclerc et al. 2023, section 4), which round to steps of 32.
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"

typedef struct {
    int from;         // side in pixels of the first epoch; 0: always the final size
    int until_epoch;  // epochs that may be smaller
    int step;         // pixels
} Progressive;

/* ERR_INVALID names the setting and its value. */
bool progressive_check(const Progressive *p, int final_size, Error *err);

/* The side of an epoch's images, counted from 0. */
int progressive_size(const Progressive *p, int final_size, int64_t epoch);
