#include "core/train/optimizer.h"

#include <float.h>
#include <math.h>

#include "core/base/chunks.h"
#include "core/base/simd.h"

/* An update in the type that it is computed in. */
typedef struct {
    float rate, decay, momentum;
    bool nesterov;
} Update;

/* Both update `count` values and return the sum of the squared gradients; *bad becomes 1 where
 * a new value is NaN or infinite. The pass waits for memory, so looking costs next to nothing. */
SIMD_CLONES static float update_plain(Update u, size_t count, float *restrict value,
                                      const float *restrict grad, int *bad)
{
    float squares = 0;
    int not_finite = 0;
#pragma omp simd reduction(+ : squares) reduction(| : not_finite)
    for (size_t i = 0; i < count; i++) {
        const float v = value[i] - u.rate * (grad[i] + u.decay * value[i]);
        squares += grad[i] * grad[i];
        not_finite |= !(fabsf(v) <= FLT_MAX);
        value[i] = v;
    }
    *bad |= not_finite;
    return squares;
}

SIMD_CLONES static float update_with_momentum(Update u, size_t count, float *restrict value,
                                              const float *restrict grad, float *restrict velocity,
                                              int *bad)
{
    const float look_ahead = u.nesterov ? u.momentum : 0;
    float squares = 0;
    int not_finite = 0;
#pragma omp simd reduction(+ : squares) reduction(| : not_finite)
    for (size_t i = 0; i < count; i++) {
        const float g = grad[i] + u.decay * value[i];
        const float m = u.momentum * velocity[i] + g;
        const float v = value[i] - u.rate * (u.nesterov ? g + look_ahead * m : m);
        squares += grad[i] * grad[i];
        not_finite |= !(fabsf(v) <= FLT_MAX);
        velocity[i] = m;
        value[i] = v;
    }
    *bad |= not_finite;
    return squares;
}

SgdReport sgd_step(const Sgd *sgd, double learning_rate, ParamStore *store)
{
    const Update u = {.rate = (float)learning_rate,
                      .decay = (float)sgd->weight_decay,
                      .momentum = (float)sgd->momentum,
                      .nesterov = sgd->nesterov};
    const size_t chunks = chunk_count(store->count);
    double squares = 0;
    int bad = 0;
#pragma omp parallel for schedule(static) reduction(+ : squares) reduction(| : bad)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, count = chunk_size(store->count, c);
        float *value = store->values + at;
        const float *grad = store->grads + at;
        squares += u.momentum > 0
                       ? update_with_momentum(u, count, value, grad, store->momentum + at, &bad)
                       : update_plain(u, count, value, grad, &bad);
    }
    return (SgdReport){.grad_norm = sqrt(squares), .values_finite = !bad};
}
