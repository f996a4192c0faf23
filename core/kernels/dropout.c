#include "core/kernels/dropout.h"

#include "core/base/invariant.h"
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/simd.h"
#include "core/base/threads/chunks.h"

/* Numbers below `dropped` drop theirs. */
typedef struct {
    uint32_t dropped;
    float scale;
} Rule;

SIMD_CLONES static void apply_f32(Rule r, const uint32_t *random, float *dst, const float *src,
                                  size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = src[i] * (random[i] < r.dropped ? 0 : r.scale);
}

SIMD_CLONES static void apply_bf16(Rule r, const uint32_t *random, uint16_t *dst,
                                   const uint16_t *src, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = float_to_bf16(bf16_to_float(src[i]) * (random[i] < r.dropped ? 0 : r.scale));
}

/* Chunk c of example n. */
static void apply_chunk(const DropoutMask *m, Rule r, Tensor *dst, const Tensor *src, size_t n,
                        size_t c)
{
    const size_t count = shape_count(dst->shape), size = chunk_size(count, c);
    const size_t at = n * count + c * CHUNK;
    const Philox counter = {{(uint32_t)(c * CHUNK / 4), (uint32_t)m->first_example + (uint32_t)n,
                             (uint32_t)m->step, (uint32_t)(m->step >> 32)}};
    uint32_t random[CHUNK];
    philox_fill(m->key, counter, random, size);
    if (dst->type == dnnl_f32)
        apply_f32(r, random, (float *)dst->data + at, (const float *)src->data + at, size);
    else
        apply_bf16(r, random, (uint16_t *)dst->data + at, (const uint16_t *)src->data + at, size);
}

void dropout_apply(const DropoutMask *m, Tensor *dst, const Tensor *src)
{
    INVARIANT(dst->type == src->type && tensor_count(dst) == tensor_count(src));
    INVARIANT(m->rate >= 0 && m->rate < 1);
    const Rule r = {(uint32_t)((double)m->rate * 0x1p32), 1 / (1 - m->rate)};
    const size_t batch = (size_t)dst->batch, chunks = chunk_count(shape_count(dst->shape));
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t n = 0; n < batch; n++) {
        for (size_t c = 0; c < chunks; c++)
            apply_chunk(m, r, dst, src, n, c);
    }
}
