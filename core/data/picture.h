/* core/data/picture.h -- a picture of 8-bit pixels somewhere in memory, or a part of one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *pixels;  // (height, width, channels)
    size_t row_bytes;       // from one row to the next; width * channels, or more for a part
    int height, width, channels;
} Picture;
