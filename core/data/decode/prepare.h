/* core/data/decode/prepare.h -- a picture file to the square of pixels that a network sees.
 *
 * Decoded (decode.h), then turned to spec->channels, then fitted to spec->size: the one way for
 * import and prediction.
 *
 *   channels   colour to grey as Pillow's "L": (19595 R + 38470 G + 7471 B + 2^15) >> 16; grey to
 *              colour: three times the same.
 *   crop       one resize of the centred box of min(width, height) pixels both ways; the box begins
 *              inside a pixel where the difference is odd, and the filter still reads the pixels
 *              just outside of it. Equal to ImageOps.fit.
 *   pad        resized to size x round(height / width * size), or the other way round, at least one
 *              pixel; pasted at round(rest / 2); round to even at one half; black around it. Equal
 *              to ImageOps.pad.
 *   stretch    resized to size x size. Equal to Image.resize.
 */
#pragma once
#include "core/data/decode/decode.h"
#include "core/data/decode/image_spec.h"

/* What the file was. */
typedef struct {
    const char *format;  // "JPEG", "PNG", "WebP"
    int width, height;   // upright
    int channels;        // 1 or 3
} PictureFacts;

/* dst (size, size, channels); `limits` and `facts` may be NULL. Errors as decode_picture's. */
bool prepare_picture(const uint8_t *bytes, size_t size, const ImageSpec *spec,
                     const DecodeLimits *limits, uint8_t *dst, PictureFacts *facts, Error *err);

/* The same for pixels that are decoded already, rows without gaps. They may be written over. */
bool prepare_pixels(uint8_t *pixels, int height, int width, int channels, const ImageSpec *spec,
                    uint8_t *dst, Error *err);
