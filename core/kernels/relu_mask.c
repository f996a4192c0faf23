#include "core/kernels/relu_mask.h"

#include <assert.h>

void relu_mask(Tensor *diff, const Tensor *value)
{
    assert(diff->type == dnnl_f32 && tensor_count(diff) == tensor_count(value));
    float *restrict d = diff->data;
    const float *restrict v = value->data;
    const size_t count = tensor_count(diff);
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        d[i] = v[i] > 0 ? d[i] : 0;
}
