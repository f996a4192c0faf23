/* core/data/decode/format.h -- inside the room: what a decoder of one format is. */
#pragma once
#include "core/data/decode/decode.h"
#include "core/data/decode/image_spec.h"

/* What a decoder makes: pixels as they are stored in the file. */
typedef struct {
    const ImageSpec *spec;  // columns that it does not read (fit.h) may stay undefined; NULL: none
    int width, height;
    int channels;     // 1 or 3
    int orientation;  // EXIF's 1 to 8
    uint8_t *pixels;  // (height, width, channels), from malloc; may be longer
} StoredPicture;

/* On failure nothing is left to free. */
typedef bool DecodeFormat(const uint8_t *bytes, size_t size, const DecodeLimits *limits,
                          StoredPicture *picture, Error *err);
DecodeFormat decode_jpeg, decode_png, decode_webp;

/* Refuse a picture of this size before memory is asked for: `bytes` is what a pixel takes while it
 * is decoded. */
bool size_allowed(const DecodeLimits *limits, const char *format, int64_t width, int64_t height,
                  int bytes, Error *err);

/* malloc, in large pages where it is much; NULL: there is none. */
uint8_t *pixels_memory(size_t bytes);
/* The same with a sentence. */
uint8_t *pixels_new(int width, int height, int bytes, Error *err);

/* The two ways in which data can be bad; `what` is a decoder's own words, or NULL. */
bool fail_truncated(Error *err, const char *format);
bool fail_damaged(Error *err, const char *format, const char *what);
