/* core/data/decode/decode.h -- a picture file in memory to pixels.
 *
 * Taken     JPEG (baseline and progressive; grey, colour, CMYK and YCCK), PNG (all depths,
 *           palettes, transparency, interlaced) and WebP (lossy, lossless, transparency), told by
 *           content. Other formats that are recognised are refused by their name.
 * Pixels    8 bits, upright by the EXIF orientation, transparency over white; equal to what Pillow
 *           gives. Of 16 bits the upper 8 are kept. JPEG is decoded at full size by the accurate
 *           integer transform; CMYK is read as Adobe writes it, inverted, and turned to RGB without
 *           a colour profile. Profiles, gamma and XMP are not read.
 * Refused   a file whose pixels are not all there or do not check, rather than half a picture; an
 *           animation, since nothing says which of its pictures is meant. Bytes behind the end of
 *           the picture do not matter.
 * Threads   nothing is shared: any number of calls at once.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/decode/image_spec.h"

typedef struct {
    int64_t max_pixels;  // width * height
    int64_t max_memory;  // bytes, for the pixels and what the decoder keeps beside them
} DecodeLimits;

/* 100 million pixels, 1 GiB. */
DecodeLimits decode_limits_default(void);

typedef struct {
    const char *format;  // "JPEG", "PNG", "WebP"
    int width, height;   // upright
    int channels;        // 1 or 3, as in the file; transparency does not count
    uint8_t *pixels;     // (height, width, channels)
} DecodedPicture;

/* On success the caller frees *picture; on failure there is nothing to free. Messages stand behind
 * the name of a file and a colon: "the PNG is cut off: its data ends too early".
 * ERR_INVALID, with one of these reasons:
 *   picture_empty      no bytes
 *   picture_unknown    no format that is known here
 *   picture_format     a known format, or a kind of it, that is not taken
 *   picture_animated   an animation
 *   picture_too_large  more pixels, or more memory for them, than the limits allow
 *   picture_truncated  the data ends too early
 *   picture_damaged    the data contradicts itself
 * ERR_NO_MEMORY: the system has no more. `limits` may be NULL: the default ones.
 *
 * `spec` may be NULL: all pixels are wanted. Else those that fit_picture with it does not read may
 * be undefined; whether they are sound is looked at all the same. */
bool decode_picture(const ImageSpec *spec, const uint8_t *bytes, size_t size,
                    const DecodeLimits *limits, DecodedPicture *picture, Error *err);
void decoded_picture_free(DecodedPicture *picture);  // takes a zeroed one
