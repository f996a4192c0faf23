/* core/data/augment/resized_crop.h -- a random part of a picture, which is then resized as if it
 * were all of it.
 *
 * The part's share of the area is uniform in `scale`, the logarithm of its width / height uniform
 * in those of `ratio`, its place uniform. If ten such parts do not fit the picture: the largest
 * part in the middle whose ratio is within the range.
 *
 * Source   torchvision.transforms.RandomResizedCrop; Szegedy et al. 2015, section 6.
 */
#pragma once
#include "core/data/augment/augment.h"

extern const AugmentOp RESIZED_CROP;
