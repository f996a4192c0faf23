#include "core/train/optimizer.h"

void sgd_step(const Sgd *sgd, double learning_rate, ParamStore *store)
{
    const float rate = (float)learning_rate, decay = (float)sgd->weight_decay;
    const float momentum = (float)sgd->momentum;
    const float look_ahead = sgd->nesterov ? momentum : 0;
    const size_t count = store->count;
    float *restrict value = store->values;
    const float *restrict grad = store->grads;
    if (momentum > 0) {
        float *restrict velocity = store->momentum;
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++) {
            const float g = grad[i] + decay * value[i];
            const float m = momentum * velocity[i] + g;
            velocity[i] = m;
            value[i] -= rate * (sgd->nesterov ? g + look_ahead * m : m);
        }
        return;
    }
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        value[i] -= rate * (grad[i] + decay * value[i]);
}
