/* DESIGN
 * libwebp decodes into memory of ours: RGB, or RGBA where there is transparency, which is then laid
 * over white in place. EXIF is a chunk of the RIFF file around it, which is walked here.
 */
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

#include "core/base/numbers/byte_order.h"
#include "core/data/decode/colour.h"
#include "core/data/decode/format.h"
#include "core/data/decode/orientation.h"

static const char NAME[] = "WebP";

static bool fail_webp(VP8StatusCode status, Error *err)
{
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return fail(err, ERR_NO_MEMORY, "no memory to decode a WebP");
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return fail_truncated(err, NAME);
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return fail_as(err, ERR_INVALID, "picture_format", "a WebP of a kind that is not taken");
    default:
        return fail_damaged(err, NAME, NULL);
    }
}

static int find_orientation(const uint8_t *bytes, size_t size)
{
    for (size_t at = 12; size - at >= 8;) {
        const size_t length = read_le32(bytes + at + 4), left = size - at - 8;
        if (memcmp(bytes + at, "EXIF", 4) == 0)
            return exif_orientation(bytes + at + 8, length < left ? length : left);
        if (length + (length & 1) > left)
            break;
        at += 8 + length + (length & 1);
    }
    return 1;
}

static bool decode_pixels(const uint8_t *bytes, size_t size, const WebPBitstreamFeatures *features,
                          StoredPicture *p, Error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return fail(err, ERR_INVALID, "libwebp is of another version than it was built with");
    const int channels = features->has_alpha ? 4 : 3;
    const size_t count = (size_t)p->width * (size_t)p->height;
    config.output.colorspace = features->has_alpha ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = p->pixels;
    config.output.u.RGBA.stride = p->width * channels;
    config.output.u.RGBA.size = count * (size_t)channels;
    const VP8StatusCode status = WebPDecode(bytes, size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK)
        return fail_webp(status, err);
    if (features->has_alpha)
        rgba_over_white(p->pixels, count, p->pixels);
    return true;
}

bool decode_webp(const uint8_t *bytes, size_t size, const DecodeLimits *limits,
                 StoredPicture *picture, Error *err)
{
    WebPBitstreamFeatures features;
    const VP8StatusCode status = WebPGetFeatures(bytes, size, &features);
    if (status != VP8_STATUS_OK)
        return fail_webp(status, err);
    if (features.has_animation)
        return fail_as(err, ERR_INVALID, "picture_animated", "the WebP is an animation");
    enum { LOSSLESS = 2, LOSSLESS_BYTES = 4 };  // it is decoded whole before it is handed out
    const int bytes_per_pixel = features.has_alpha ? 4 : 3;
    const int kept = features.format == LOSSLESS ? LOSSLESS_BYTES : 0;
    if (!size_allowed(limits, NAME, features.width, features.height, bytes_per_pixel + kept, err))
        return false;
    picture->width = features.width;
    picture->height = features.height;
    picture->channels = 3;
    picture->orientation = find_orientation(bytes, size);
    picture->pixels = pixels_new(features.width, features.height, bytes_per_pixel, err);
    if (!picture->pixels)
        return false;
    if (!decode_pixels(bytes, size, &features, picture, err)) {
        free(picture->pixels);
        picture->pixels = NULL;
        return false;
    }
    return true;
}
