/* core/kernels/channels.h -- some channels of a pixel, copied between tensors of different widths.
 *
 * Shapes   all tensors have the same pixels and the same type, float32 or bfloat16, channels-last.
 */
#pragma once
#include "core/dnn/tensor.h"

/* The channels from `first` of each pixel. */
typedef struct {
    const Tensor *tensor;
    size_t first;
} Channels;

/* dst = src for `count` channels of one pixel. */
void copy_channels(Channels dst, Channels src, size_t count, size_t pixel);

/* dst = value > 0 ? src : 0, which is the backward pass of a ReLU whose result is `value`. */
void copy_channels_masked(Channels dst, Channels src, Channels value, size_t count, size_t pixel);
