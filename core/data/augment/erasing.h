/* core/data/augment/erasing.h -- set a random rectangle of an image to 0, in all channels.
 *
 * With the given probability; its share of the area is uniform in `scale`, the logarithm of its
 * height / width uniform in those of `ratio`, its place uniform. It is smaller than the image both
 * ways; if ten do not fit, nothing is erased. It comes after the normalisation: 0 is the mean then.
 *
 * Source   torchvision.transforms.RandomErasing with value=0; Zhong et al. 2020.
 */
#pragma once
#include "core/data/augment/augment.h"

extern const AugmentOp ERASING;
