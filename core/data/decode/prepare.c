#include "core/data/decode/prepare.h"

#include <string.h>

#include "core/base/invariant.h"
#include "core/data/decode/colour.h"
#include "core/data/decode/fit.h"

/* Grey pixels in the last third of dst become colour from its beginning on; what is read next is
 * never behind what is written. */
static void spread_grey(uint8_t *dst, size_t count)
{
    const uint8_t *src = dst + 2 * count;
    memmove(dst + 2 * count, dst, count);
    for (size_t i = 0; i < count; i++) {
        const uint8_t value = src[i];
        dst[3 * i] = dst[3 * i + 1] = dst[3 * i + 2] = value;
    }
}

bool prepare_pixels(uint8_t *pixels, int height, int width, int channels, const ImageSpec *spec,
                    uint8_t *dst, Error *err)
{
    INVARIANT(image_spec_check(spec, NULL));
    if (channels == 3 && spec->channels == 1) {
        rgb_to_grey(pixels, (size_t)width * (size_t)height, pixels);
        channels = 1;
    }
    const Picture src = {pixels, (size_t)width * (size_t)channels, height, width, channels};
    if (!fit_picture(&src, spec, dst, err))
        return false;
    if (channels == 1 && spec->channels == 3)
        spread_grey(dst, (size_t)spec->size * (size_t)spec->size);
    return true;
}

bool prepare_picture(const uint8_t *bytes, size_t size, const ImageSpec *spec,
                     const DecodeLimits *limits, uint8_t *dst, PictureFacts *facts, Error *err)
{
    DecodedPicture p;
    if (!decode_picture(spec, bytes, size, limits, &p, err))
        return false;
    if (facts)
        *facts = (PictureFacts){p.format, p.width, p.height, p.channels};
    const bool ok = prepare_pixels(p.pixels, p.height, p.width, p.channels, spec, dst, err);
    decoded_picture_free(&p);
    return ok;
}
