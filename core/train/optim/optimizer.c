#include "core/train/optim/optimizer.h"

#include <math.h>

#include "core/base/chunks.h"
#include "core/base/simd.h"

/* An update in the type that it is computed in: value -= rate * (g_share * g + m_share * m). */
typedef struct {
    float rate, decay, momentum;
    float g_share, m_share;  // 1 and momentum with Nesterov's momentum, else 0 and 1
} Update;

/* What one chunk has seen. */
typedef struct {
    float squares;  // of the gradients
    float check;    // 0; NaN if a new value is NaN or infinite
} Seen;

/* The passes wait for memory, so that looking at the numbers costs next to nothing. x - x is 0 but
 * for NaN and infinity. */
SIMD_CLONES static Seen update_plain(Update u, size_t count, float *restrict value,
                                     const float *restrict grad)
{
    float squares = 0, check = 0;
#pragma omp simd reduction(+ : squares, check)
    for (size_t i = 0; i < count; i++) {
        const float v = value[i] - u.rate * (grad[i] + u.decay * value[i]);
        squares += grad[i] * grad[i];
        check += v - v;
        value[i] = v;
    }
    return (Seen){squares, check};
}

SIMD_CLONES static Seen update_with_momentum(Update u, size_t count, float *restrict value,
                                             const float *restrict grad, float *restrict velocity)
{
    float squares = 0, check = 0;
#pragma omp simd reduction(+ : squares, check)
    for (size_t i = 0; i < count; i++) {
        const float g = grad[i] + u.decay * value[i];
        const float m = u.momentum * velocity[i] + g;
        const float v = value[i] - u.rate * (u.g_share * g + u.m_share * m);
        squares += grad[i] * grad[i];
        check += v - v;
        velocity[i] = m;
        value[i] = v;
    }
    return (Seen){squares, check};
}

SgdReport sgd_step(const Sgd *sgd, double learning_rate, ParamStore *store)
{
    const float momentum = (float)sgd->momentum;
    const Update u = {.rate = (float)learning_rate,
                      .decay = (float)sgd->weight_decay,
                      .momentum = momentum,
                      .g_share = sgd->nesterov ? 1 : 0,
                      .m_share = sgd->nesterov ? momentum : 1};
    const size_t chunks = chunk_count(store->trained_count);
    double squares = 0, check = 0;
#pragma omp parallel for schedule(static) reduction(+ : squares, check)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, count = chunk_size(store->trained_count, c);
        float *value = store->values + at;
        const float *grad = store->grads + at;
        const Seen seen = momentum > 0 ? update_with_momentum(u, count, value, grad,
                                                              store->slots[SLOT_MOMENTUM] + at)
                                       : update_plain(u, count, value, grad);
        squares += seen.squares;
        check += seen.check;
    }
    return (SgdReport){.grad_norm = sqrt(squares), .values_finite = check == 0};
}
