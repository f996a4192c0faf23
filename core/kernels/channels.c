#include "core/kernels/channels.h"

#include <stdint.h>
#include <string.h>

#include "core/base/simd.h"

SIMD_CLONES static void mask_f32(float *restrict dst, const float *restrict diff,
                                 const float *restrict value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = value[i] > 0 ? diff[i] : 0;
}

/* A bfloat16 is above zero exactly when its bits, read as a signed number, are. No `?:` here: GCC
 * would load diff[i] only where it is wanted, which takes a branch for each number. */
SIMD_CLONES static void mask_bf16(uint16_t *restrict dst, const uint16_t *restrict diff,
                                  const int16_t *restrict value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = (uint16_t)(diff[i] & -(value[i] > 0));
}

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
    if (src.tensor->type == dnnl_f32)
        mask_f32(place(dst, pixel), place(src, pixel), place(value, pixel), count);
    else
        mask_bf16(place(dst, pixel), place(src, pixel), place(value, pixel), count);
}
