/* tests/server/data/decoder/wild.h -- the pixels that the wild decoder makes of a "good" file. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Noise that depends on every byte of the file. */
static inline void wild_pixels(const uint8_t *bytes, size_t size, uint8_t *dst, size_t count)
{
    uint32_t state = 2166136261u;
    for (size_t i = 0; i < size; i++)
        state = (state ^ bytes[i]) * 16777619u;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        dst[i] = (uint8_t)(state >> 24);
    }
}
