/* core/data/augment/padded_crop.h -- shift a picture by up to `crop_padding` pixels each way.
 *
 *   dst[y][x] = src[y + dy][x + dx], 0 outside the picture; dx, dy uniform in -padding..padding
 *
 * Source   torchvision.transforms.RandomCrop(size of the picture, padding=crop_padding).
 */
#pragma once
#include "core/data/augment/augment.h"

extern const AugmentOp PADDED_CROP;
