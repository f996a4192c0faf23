#include "core/kernels/channels.h"

#include <string.h>

#include "core/kernels/relu.h"

static void *place(Channels c, size_t pixel)
{
    const size_t at = pixel * (size_t)c.tensor->shape.channels + c.first;
    return (char *)c.tensor->data + at * dnnl_data_type_size(c.tensor->type);
}

void copy_channels(Channels dst, Channels src, size_t count, size_t pixel)
{
    memcpy(place(dst, pixel), place(src, pixel), count * dnnl_data_type_size(src.tensor->type));
}

void copy_channels_masked(Channels dst, Channels src, Channels value, size_t count, size_t pixel)
{
    relu_mask_row(src.tensor->type, place(dst, pixel), place(src, pixel), place(value, pixel),
                  count);
}
