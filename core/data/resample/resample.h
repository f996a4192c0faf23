/* core/data/resample/resample.h -- resize of a picture, or of a box in it, to any size; equal to
 * Pillow's Image.resize(size, filter, box=box) byte for byte.
 *
 * Antialiased: the filter widens with the factor when shrinking. Rows first and columns second,
 * weights rounded to fixed point, each pass rounded to 8 bits, and a pass whose size and box stay
 * as they are is left out. For many pictures of one size see core/data/resize.h.
 */
#pragma once
#include "core/base/error.h"
#include "core/data/picture.h"
#include "core/data/resample/taps.h"

/* In pixels from the upper left corner; 0 <= left < right <= width, top and bottom alike. A box
 * may begin and end inside a pixel. */
typedef struct {
    float left, top, right, bottom;
} ResampleBox;

/* dst (height, width, src->channels), its rows dst_row_bytes apart. ERR_NO_MEMORY: the rows between
 * the two passes do not fit. */
bool resample(const Picture *src, const ResampleBox *box, Filter filter, int width, int height,
              uint8_t *dst, size_t dst_row_bytes, Error *err);
