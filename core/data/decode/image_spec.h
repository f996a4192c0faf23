/* core/data/decode/image_spec.h -- what every stored or predicted picture becomes.
 *
 * A data set has one ImageSpec; so has a model trained on it. prepare.h applies it, at import and
 * at prediction alike.
 */
#pragma once
#include "core/base/error.h"
#include "core/data/resample/taps.h"

/* How a picture of any shape fills a square of `size` pixels. All three equal Pillow. */
typedef enum {
    FIT_CROP,     // the largest centred square is resized: ImageOps.fit
    FIT_PAD,      // the longer side fits, what is left is black on both sides: ImageOps.pad
    FIT_STRETCH,  // both sides are resized, the proportions are lost: Image.resize
} Fit;

typedef struct {
    int channels;  // 1 grey, 3 colour
    int size;      // pixels, IMAGE_SIZE_MIN to IMAGE_SIZE_MAX, both ways
    Fit fit;
    Filter filter;
} ImageSpec;

enum { IMAGE_SIZE_MIN = 8, IMAGE_SIZE_MAX = 1024 };

/* 3 channels, 96 pixels, crop, bilinear. */
ImageSpec image_spec_default(void);

/* ERR_INVALID: names the first member that is out of its range, and its value. */
bool image_spec_check(const ImageSpec *spec, Error *err);

/* "crop", "pad", "stretch"; "bilinear", "bicubic". False: no such name, *out stays. */
const char *fit_name(Fit fit);
bool fit_from_name(const char *name, Fit *out);
const char *filter_name(Filter filter);
bool filter_from_name(const char *name, Filter *out);
