#include "core/data/decode/fit.h"

#include <math.h>
#include <string.h>

#include "core/data/resample/resample.h"

void fit_columns(const ImageSpec *spec, int height, int width, int *first, int *end)
{
    enum { ROUNDING = 1 };  // of the part's borders and of the filter's
    *first = 0;
    *end = width;
    if (spec->fit != FIT_CROP || width <= height)
        return;
    const double reach = filter_reach(spec->filter, height, spec->size) + ROUNDING;
    const int outside = (int)floor((width - height) * 0.5 - reach);
    if (outside > 0) {
        *first = outside;
        *end = width - outside;
    }
}

static bool fit_crop(const Picture *src, const ImageSpec *spec, uint8_t *dst, Error *err)
{
    const int side = src->width < src->height ? src->width : src->height;
    const float left = (float)((src->width - side) * 0.5);
    const float top = (float)((src->height - side) * 0.5);
    const ResampleBox box = {left, top, left + (float)side, top + (float)side};
    return resample(src, &box, spec->filter, spec->size, spec->size, dst,
                    (size_t)spec->size * (size_t)src->channels, err);
}

/* The whole picture to width x height, in the middle of dst. */
static bool resize_whole(const Picture *src, const ImageSpec *spec, int width, int height,
                         uint8_t *dst, Error *err)
{
    const ResampleBox all = {0, 0, (float)src->width, (float)src->height};
    const size_t row_bytes = (size_t)spec->size * (size_t)src->channels;
    const int x = (int)nearbyint((spec->size - width) * 0.5);
    const int y = (int)nearbyint((spec->size - height) * 0.5);
    uint8_t *first = dst + (size_t)y * row_bytes + (size_t)(x * src->channels);
    return resample(src, &all, spec->filter, width, height, first, row_bytes, err);
}

static int at_least_one(double pixels)
{
    return pixels < 1 ? 1 : (int)pixels;
}

static bool fit_pad(const Picture *src, const ImageSpec *spec, uint8_t *dst, Error *err)
{
    const double w = src->width, h = src->height;
    int width = spec->size, height = spec->size;
    if (w > h)
        height = at_least_one(nearbyint(h / w * spec->size));
    else
        width = at_least_one(nearbyint(w / h * spec->size));
    memset(dst, 0, (size_t)spec->size * (size_t)spec->size * (size_t)src->channels);
    return resize_whole(src, spec, width, height, dst, err);
}

static bool fit_stretch(const Picture *src, const ImageSpec *spec, uint8_t *dst, Error *err)
{
    return resize_whole(src, spec, spec->size, spec->size, dst, err);
}

bool fit_picture(const Picture *src, const ImageSpec *spec, uint8_t *dst, Error *err)
{
    static bool (*const FITS[])(const Picture *, const ImageSpec *, uint8_t *, Error *) = {
        [FIT_CROP] = fit_crop, [FIT_PAD] = fit_pad, [FIT_STRETCH] = fit_stretch};
    return FITS[spec->fit](src, spec, dst, err);
}
