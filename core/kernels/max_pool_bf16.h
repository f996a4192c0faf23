/* core/kernels/max_pool_bf16.h -- 3 x 3 max pooling of bfloat16, without ever leaving 16 bits.
 *
 * The bits of a bfloat16, those below the sign inverted where it is negative, are in the order of
 * the numbers when read as a signed integer: the maximum is one instruction for 32 of them. NaNs of
 * either sign count as larger than any number, so that none is lost.
 *
 * Shapes    src batch x src_height x src_width x channels, dst the same with its own height and
 *           width, channels-last, with any distance between pixels; argmax, of dst's shape and
 *           dense, says which of its window's nine pixels each maximum came from: the first in
 *           reading order if there are several. In 16 bits, so that what compares indices has as
 *           many lanes as what moves the numbers.
 * Backward  every number of diff_src is summed up in float32 and rounded once.
 */
#pragma once
#include <stdint.h>

enum { MAX_POOL_BF16_CHANNELS = 32 };  // the fewest

typedef struct {
    int batch, channels;
    int src_height, src_width;
    int dst_height, dst_width;
    int stride;                // 1 or more
    int pad;                   // 0 or 1
    int src_pixel, dst_pixel;  // numbers from one pixel to the next; 0: as many as channels
} MaxPoolBf16;

/* `argmax` may be NULL where no backward pass will follow. */
void max_pool_bf16_forward(const MaxPoolBf16 *p, const uint16_t *src, uint16_t *dst,
                           int16_t *argmax);
void max_pool_bf16_backward(const MaxPoolBf16 *p, const uint16_t *diff_dst, const int16_t *argmax,
                            uint16_t *diff_src);
