/* core/data/decode/fit.h -- a picture of any shape to a square, as prepare.h says; for pixels that
 * do not come from a picture file, too. */
#pragma once
#include "core/data/decode/image_spec.h"
#include "core/data/picture.h"

/* dst (spec->size, spec->size, src->channels). */
bool fit_picture(const Picture *src, const ImageSpec *spec, uint8_t *dst, Error *err);
