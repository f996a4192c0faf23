#include "core/kernels/channels.h"

#include <string.h>

#include "core/kernels/relu.h"

static void *pixel_at(Channels c, size_t pixel)
{
    const size_t at = pixel * (size_t)c.tensor->shape.channels + c.first;
    return (char *)c.tensor->data + at * dnnl_data_type_size(c.tensor->type);
}

void copy_channels(Channels dst, Channels src, size_t count, size_t pixel)
{
    memcpy(pixel_at(dst, pixel), pixel_at(src, pixel),
           count * dnnl_data_type_size(src.tensor->type));
}

void copy_channels_masked(Channels dst, Channels src, Channels value, size_t count, size_t pixel)
{
    relu_mask_row(src.tensor->type, pixel_at(dst, pixel), pixel_at(src, pixel),
                  pixel_at(value, pixel), count);
}
