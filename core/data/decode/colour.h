/* core/data/decode/colour.h -- inside the room: pixels of one kind to another, as Pillow does it.
 * Where the result has fewer bytes it may be written over its source. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* RGBA over white: each byte is (value * alpha + 255 * (255 - alpha)) / 255, rounded. */
void rgba_over_white(const uint8_t *src, size_t count, uint8_t *dst);
/* The same of pixels with R = G = B, to one byte each. */
void rgba_grey_over_white(const uint8_t *src, size_t count, uint8_t *dst);
void grey_alpha_over_white(const uint8_t *src, size_t count, uint8_t *dst);

/* Inverted CMYK, as Adobe's programs store it, to RGB. */
void inverted_cmyk_to_rgb(const uint8_t *src, size_t count, uint8_t *dst);

/* ITU-R 601 luma in 16-bit fixed point. */
void rgb_to_grey(const uint8_t *src, size_t count, uint8_t *dst);
