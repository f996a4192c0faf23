/* core/data/decode/fit.h -- a picture of any shape to a square, as prepare.h says; for pixels that
 * do not come from a picture file, too. */
#pragma once
#include "core/data/decode/image_spec.h"
#include "core/data/picture.h"

/* The columns of a picture that fit_picture reads: from *first up to, without it, *end. They are
 * the same of the picture's mirror image, and of its rows if it is turned. */
void fit_columns(const ImageSpec *spec, int height, int width, int *first, int *end);

/* dst (spec->size, spec->size, src->channels). */
bool fit_picture(const Picture *src, const ImageSpec *spec, uint8_t *dst, Error *err);
