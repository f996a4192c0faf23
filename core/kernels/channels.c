#include "core/kernels/channels.h"

#include <string.h>

#include "core/kernels/relu.h"

static void *pixel_at(Channels c, size_t pixel)
{
    return (char *)tensor_pixel(c.tensor, pixel) + c.first * tensor_number_bytes(c.tensor->type);
}

bool same_channels(Channels a, Channels b)
{
    return pixel_at(a, 0) == pixel_at(b, 0) && a.tensor->pixel_stride == b.tensor->pixel_stride;
}

void copy_channels(Channels dst, Channels src, size_t count, size_t pixel)
{
    memcpy(pixel_at(dst, pixel), pixel_at(src, pixel),
           count * tensor_number_bytes(src.tensor->type));
}

void copy_pixels(Tensor *dst, const Tensor *src)
{
    const size_t pixels = tensor_pixels(src), count = (size_t)src->shape.channels;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++)
        copy_channels((Channels){dst, 0}, (Channels){src, 0}, count, p);
}

void copy_channels_masked(Channels dst, Channels src, Channels value, size_t count, size_t pixel)
{
    relu_mask_row(src.tensor->type, pixel_at(dst, pixel), pixel_at(src, pixel),
                  pixel_at(value, pixel), count);
}
