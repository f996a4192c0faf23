#include "core/data/decode/image_spec.h"

#include <string.h>

#include "core/base/memory.h"

static const char *const FITS[] = {
    [FIT_CROP] = "crop", [FIT_PAD] = "pad", [FIT_STRETCH] = "stretch"};
static const char *const FILTERS[] = {[FILTER_BILINEAR] = "bilinear", [FILTER_BICUBIC] = "bicubic"};

ImageSpec image_spec_default(void)
{
    return (ImageSpec){.channels = 3, .size = 96, .fit = FIT_CROP, .filter = FILTER_BILINEAR};
}

bool image_spec_check(const ImageSpec *spec, Error *err)
{
    if (spec->channels != 1 && spec->channels != 3)
        return fail(err, ERR_INVALID, "channels must be 1 or 3, got %d", spec->channels);
    if (spec->size < IMAGE_SIZE_MIN || spec->size > IMAGE_SIZE_MAX)
        return fail(err, ERR_INVALID, "size must be %d to %d, got %d", IMAGE_SIZE_MIN,
                    IMAGE_SIZE_MAX, spec->size);
    if ((size_t)spec->fit >= COUNT(FITS))
        return fail(err, ERR_INVALID, "fit must be 0 to 2, got %d", (int)spec->fit);
    if ((size_t)spec->filter >= COUNT(FILTERS))
        return fail(err, ERR_INVALID, "filter must be 0 or 1, got %d", (int)spec->filter);
    return true;
}

/* The index of `name`, or `count`. */
static size_t find(const char *const names[], size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

const char *fit_name(Fit fit)
{
    return FITS[fit];
}

bool fit_from_name(const char *name, Fit *out)
{
    const size_t i = find(FITS, COUNT(FITS), name);
    if (i < COUNT(FITS))
        *out = (Fit)i;
    return i < COUNT(FITS);
}

const char *filter_name(Filter filter)
{
    return FILTERS[filter];
}

bool filter_from_name(const char *name, Filter *out)
{
    const size_t i = find(FILTERS, COUNT(FILTERS), name);
    if (i < COUNT(FILTERS))
        *out = (Filter)i;
    return i < COUNT(FILTERS);
}
