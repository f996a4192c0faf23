/* core/data/augment/flip.h -- the mirror image of a picture, left for right.
 *
 *   random      with probability 1/2, anew in every epoch
 *   alternate   in the first epoch with probability 1/2, then every second epoch those of the first
 *               and in between the others: no two epochs in a row show the same side
 *
 * Source   torchvision.transforms.RandomHorizontalFlip; Jordan 2024, "94% on CIFAR-10 in 3.29
 *          Seconds on a Single GPU", section 3.6.
 */
#pragma once
#include "core/data/augment/augment.h"

extern const AugmentOp FLIP;
