#include "core/layers/conv_sums.h"

#include <omp.h>
#include <string.h>

#include "core/base/chunks.h"
#include "core/base/slab.h"
#include "core/kernels/channel_sums.h"
#include "core/layers/weighted.h"

static size_t channels_of(const Layer *l)
{
    return (size_t)l->dst->shape.channels;
}

bool conv_sums_new(ConvSums *s, Layer *l, size_t count, Error *err)
{
    const size_t scratch = channel_sums_scratch(l->diff_dst[0], omp_get_max_threads());
    s->count = count;
    s->bytes = (count + channels_of(l)) * sizeof(float);
    s->weights = slab_new(s->bytes);
    if (!s->weights)
        return fail(err, ERR_NO_MEMORY, "no memory for gradients: %zu MB are needed",
                    s->bytes >> 20);
    s->bias = s->weights + count;
    return shared_reserve(l->shared, scratch * sizeof(float), err);
}

void conv_sums_free(ConvSums *s)
{
    slab_free(s->weights, s->bytes);
}

void conv_sums_begin(ConvSums *s)
{
    const size_t count = s->bytes / sizeof(float), chunks = chunk_count(count);
    if (s->begun)
        return;
    s->begun = true;
    // All threads: the sums of a network are as large as its parameters.
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++)
        memset(s->weights + c * CHUNK, 0, chunk_size(count, c) * sizeof(float));
}

void conv_sums_add_bias(ConvSums *s, const Layer *l)
{
    channel_sums_add(s->bias, l->diff_dst[0], l->shared->scratch);
}

bool conv_sums_end(ConvSums *s, const Layer *l, bool accumulate)
{
    if (!s->begun)
        return false;
    s->begun = false;
    float *bias = layer_grads(l, BIAS);
    for (size_t o = 0; o < channels_of(l); o++)
        bias[o] = s->bias[o] + (accumulate ? bias[o] : 0);
    return true;
}
