/* core/data/resample/passes.h -- the two passes of a resize over 8-bit pixels.
 *
 * Sums are 32-bit integers that start at one half, so that the shift rounds; results are clipped to
 * 0..255, which only filters with negative weights need. Every instruction set gives the same
 * bytes.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/data/resample/taps.h"

/* Each of `rows` rows becomes taps->size pixels of `channels` bytes. */
void row_pass(const Taps *taps, int channels, int rows, const uint8_t *src, size_t src_row_bytes,
              uint8_t *dst, size_t dst_row_bytes);

/* Rows of `bytes` bytes, of which taps->first counts the rows, become taps->size rows. */
void column_pass(const Taps *taps, size_t bytes, const uint8_t *src, size_t src_row_bytes,
                 uint8_t *dst, size_t dst_row_bytes);
