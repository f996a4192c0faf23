/* core/data/encode_png.h -- 8-bit pixels as a PNG, for people to look at. */
#pragma once
#include "core/base/error.h"
#include "core/data/picture.h"

/* Grey for 1 channel, RGB for 3; rows without gaps. *png is from malloc. ERR_INVALID: another
 * number of channels, or gaps. ERR_NO_MEMORY. */
bool png_encode(const Picture *picture, uint8_t **png, size_t *size, Error *err);
