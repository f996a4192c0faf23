/* core/data/loader/image_maker.h -- from a stored picture to what the network sees.
 *
 *   pixels -> augmentations of pixels -> resize -> / 255, normalisation -> augmentations of numbers
 *
 * Everything up to the resize works on 8-bit pixels, and what division and normalisation make of
 * each of the 256 values is looked up.
 *
 * Shapes   src height x width x channels, uint8; dst channels x side x side, float32.
 */
#pragma once
#include "core/data/augment/augment.h"
#include "core/data/normalization.h"

typedef struct ImageMaker ImageMaker;

/* For pictures of this shape. For one thread at a time. */
ImageMaker *image_maker_new(Shape picture, const Augmentation *augmentation,
                            const Normalization *normalization);
void image_maker_free(ImageMaker *m);  // takes NULL

/* The side of the images from now on; needed before the first. */
void image_maker_set_size(ImageMaker *m, int side);
void image_maker_run(ImageMaker *m, const uint8_t *src, const DrawKey *key, float *dst);
