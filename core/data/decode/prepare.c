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

bool prepare_picture(const uint8_t *bytes, size_t size, const ImageSpec *spec,
                     const DecodeLimits *limits, uint8_t *dst, PictureFacts *facts, Error *err)
{
    INVARIANT(image_spec_check(spec, NULL));
    DecodedPicture p;
    if (!decode_picture(bytes, size, limits, &p, err))
        return false;
    if (facts)
        *facts = (PictureFacts){p.format, p.width, p.height, p.channels};
    if (p.channels == 3 && spec->channels == 1) {
        rgb_to_grey(p.pixels, (size_t)p.width * (size_t)p.height, p.pixels);
        p.channels = 1;
    }
    const Picture src = {p.pixels, (size_t)p.width * (size_t)p.channels, p.height, p.width,
                         p.channels};
    const bool ok = fit_picture(&src, spec, dst, err);
    if (ok && p.channels == 1 && spec->channels == 3)
        spread_grey(dst, (size_t)spec->size * (size_t)spec->size);
    decoded_picture_free(&p);
    return ok;
}
