/* core/kernels/channels.h -- some channels of a pixel, copied between tensors of different widths.
 *
 * Shapes   all tensors have the same pixels and the same type, float32 or bfloat16, channels-last,
 *          with any distance between pixels.
 */
#pragma once
#include "core/dnn/tensor.h"

/* The channels from `first` of each pixel. */
typedef struct {
    const Tensor *tensor;
    size_t first;
} Channels;

/* Whether two are the same memory, so that nothing is left to copy. */
bool same_channels(Channels a, Channels b);

/* dst = src for `count` channels of one pixel. */
void copy_channels(Channels dst, Channels src, size_t count, size_t pixel);

/* All of a tensor, by all threads. */
void copy_pixels(Tensor *dst, const Tensor *src);

/* dst = value > 0 ? src : 0, which is the backward pass of a ReLU whose result is `value`. dst
 * may be the same memory as src. */
void copy_channels_masked(Channels dst, Channels src, Channels value, size_t count, size_t pixel);
