#include <math.h>

#include "core/base/numbers/simd.h"
#include "core/train/optim/optimizer_private.h"

SIMD_CLONES static ChunkReport update_chunk(Update u, size_t count, float *restrict value,
                                            const float *restrict grad, float *restrict first,
                                            float *restrict second)
{
    float squares = 0, check = 0;
#pragma omp simd reduction(+ : squares, check)
    for (size_t i = 0; i < count; i++) {
        const float g = u.grad_scale * grad[i];
        const float m = u.beta1 * first[i] + u.rest1 * g;
        const float s = u.beta2 * second[i] + u.rest2 * g * g;
        const float v = u.keep * value[i] - u.step_size * m / (sqrtf(s) * u.v_root + u.epsilon);
        squares += grad[i] * grad[i];
        check += v - v;
        first[i] = m;
        second[i] = s;
        value[i] = v;
    }
    return (ChunkReport){squares, check};
}

static bool keeps(const Optimizer *o, ParamSlot slot)
{
    (void)o;
    return slot == SLOT_FIRST_MOMENT || slot == SLOT_SECOND_MOMENT;
}

static Update prepare(const Optimizer *o, UpdateStep step)
{
    const double t = (double)step.step + 1;
    return (Update){.rate = (float)step.learning_rate,
                    .decay = (float)o->weight_decay,
                    .grad_scale = (float)step.grad_scale,
                    .beta1 = (float)o->beta1,
                    .beta2 = (float)o->beta2,
                    .rest1 = (float)(1 - o->beta1),
                    .rest2 = (float)(1 - o->beta2),
                    .keep = (float)(1 - step.learning_rate * o->weight_decay),
                    .step_size = (float)(step.learning_rate / (1 - pow(o->beta1, t))),
                    .v_root = (float)(1 / sqrt(1 - pow(o->beta2, t))),
                    .epsilon = (float)o->epsilon};
}

static ChunkReport update(Update u, ParamStore *store, size_t at, size_t count)
{
    return update_chunk(u, count, store->values + at, store->grads + at,
                        store->slots[SLOT_FIRST_MOMENT] + at,
                        store->slots[SLOT_SECOND_MOMENT] + at);
}

const OptimizerOps ADAMW_OPS = {keeps, prepare, update};
