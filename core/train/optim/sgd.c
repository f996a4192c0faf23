#include "core/base/numbers/simd.h"
#include "core/train/optim/optimizer_private.h"

SIMD_CLONES static ChunkReport update_plain(Update u, size_t count, float *restrict value,
                                            const float *restrict grad)
{
    float squares = 0, check = 0;
#pragma omp simd reduction(+ : squares, check)
    for (size_t i = 0; i < count; i++) {
        const float v = value[i] - u.rate * (u.grad_scale * grad[i] + u.decay * value[i]);
        squares += grad[i] * grad[i];
        check += v - v;
        value[i] = v;
    }
    return (ChunkReport){squares, check};
}

SIMD_CLONES static ChunkReport update_with_momentum(Update u, size_t count, float *restrict value,
                                                    const float *restrict grad,
                                                    float *restrict velocity)
{
    float squares = 0, check = 0;
#pragma omp simd reduction(+ : squares, check)
    for (size_t i = 0; i < count; i++) {
        const float g = u.grad_scale * grad[i] + u.decay * value[i];
        const float m = u.momentum * velocity[i] + g;
        const float v = value[i] - u.rate * (u.g_share * g + u.m_share * m);
        squares += grad[i] * grad[i];
        check += v - v;
        velocity[i] = m;
        value[i] = v;
    }
    return (ChunkReport){squares, check};
}

static bool keeps(const Optimizer *o, ParamSlot slot)
{
    return slot == SLOT_MOMENTUM && o->momentum > 0;
}

static Update prepare(const Optimizer *o, UpdateStep step)
{
    const float momentum = (float)o->momentum;
    return (Update){.rate = (float)step.learning_rate,
                    .decay = (float)o->weight_decay,
                    .grad_scale = (float)step.grad_scale,
                    .momentum = momentum,
                    .g_share = o->nesterov ? 1 : 0,
                    .m_share = o->nesterov ? momentum : 1};
}

static ChunkReport update(Update u, ParamStore *store, size_t at, size_t count)
{
    float *value = store->values + at;
    const float *grad = store->grads + at;
    return u.momentum > 0
               ? update_with_momentum(u, count, value, grad, store->slots[SLOT_MOMENTUM] + at)
               : update_plain(u, count, value, grad);
}

const OptimizerOps SGD_OPS = {keeps, prepare, update};
