/* core/data/resize.h -- bilinear resize of 8-bit images, equal to Pillow's byte for byte.
 *
 * torchvision's Resize on a PIL image calls Pillow's convolution-based resampler: triangle filter
 * whose support grows with the factor when shrinking, rows first and columns second, weights
 * rounded to fixed point, each pass rounded to 8 bits.
 *
 * Shapes   src height x width x channels, dst side x side x channels, uint8, row by row.
 */
#pragma once
#include "core/data/picture.h"
#include "core/graph/shape.h"

/* The weights for each length that was met, and a buffer for the rows between the two passes. */
typedef struct Resize Resize;

/* For pictures of `src`'s size and any smaller one. */
Resize *resize_new(Shape src, int side);
void resize_free(Resize *r);  // takes NULL

/* A picture of 1 to src.height rows, 1 to src.width columns and src.channels. Not for two threads
 * at once: each has its own Resize. */
void resize_picture(Resize *r, const Picture *src, uint8_t *dst);
