#include "core/kernels/relu_mask.h"

#include <assert.h>
#include <stdint.h>

#include "core/base/chunks.h"
#include "core/base/simd.h"

SIMD_CLONES static void mask_f32(float *restrict diff, const float *restrict value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        diff[i] = value[i] > 0 ? diff[i] : 0;
}

/* A bfloat16 is above zero exactly when its bits, read as a signed number, are. */
SIMD_CLONES static void mask_bf16(uint16_t *restrict diff, const int16_t *restrict value,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        diff[i] = value[i] > 0 ? diff[i] : 0;
}

void relu_mask(Tensor *diff, const Tensor *value)
{
    assert(diff->type == value->type && tensor_count(diff) == tensor_count(value));
    const size_t count = tensor_count(diff), chunks = chunk_count(count);
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, size = chunk_size(count, c);
        if (diff->type == dnnl_f32)
            mask_f32((float *)diff->data + at, (const float *)value->data + at, size);
        else
            mask_bf16((uint16_t *)diff->data + at, (const int16_t *)value->data + at, size);
    }
}
