/* core/kernels/max_pool.h -- max pooling of any window, in float32 or bfloat16.
 *
 * Shapes    src batch x src_height x src_width x channels, dst the same with its own height and
 *           width, channels-last, with any distance between pixels. argmax, of dst's shape and
 *           dense, is the index within its window, in reading order, of the pixel that each maximum
 *           came from: the first if there are several.
 * Windows   may reach over the image on all sides, but each has a pixel of it.
 * NaN       is larger than any number: the first one of a window is its maximum.
 * Backward  every number of diff_src is summed up in float32 over the windows in reading order, and
 *           rounded once.
 *
 * core/kernels/max_pool_bf16.h is faster for the windows that it takes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { MAX_POOL_LARGEST = 255 * 255 };  // pixels of a window, so that indices have 16 bits

typedef struct {
    bool bf16;
    int batch, channels;
    int src_height, src_width;
    int dst_height, dst_width;
    int kernel[2], stride[2], pad[2];  // rows, columns
    int src_pixel, dst_pixel;          // numbers from one pixel to the next; 0: as many as channels
} MaxPool;

/* `argmax` may be NULL where no backward pass will follow. */
void max_pool_forward(const MaxPool *p, const void *src, void *dst, uint16_t *argmax);
void max_pool_backward(const MaxPool *p, const void *diff_dst, const uint16_t *argmax,
                       void *diff_src);
