/* core/train/optim/optimizer.h -- stochastic gradient descent as PyTorch's torch.optim.SGD defines
 * it.
 *
 *   g = grad + weight_decay * value
 *   m = momentum * m + g          (m = g at the first step)
 *   g = nesterov ? g + momentum * m : m
 *   value -= learning_rate * g
 *
 * without dampening. With momentum 0 no momentum array is touched.
 * Source   Sutskever et al. 2013; torch.optim.SGD.
 */
#pragma once
#include "core/dnn/params.h"

typedef struct {
    double momentum;  // [0, 1)
    bool nesterov;    // needs momentum > 0
    double weight_decay;
} Sgd;

/* What an update has seen on its way through the arrays. */
typedef struct {
    double grad_norm;    // L2 norm of all gradients, without the decay; NaN or infinite if one is
    bool values_finite;  // all values are numbers after the update
} SgdReport;

/* One update of all values with the gradients in the store. The slot for
 * momentum is zeros before the first step, which makes m = g there. */
SgdReport sgd_step(const Sgd *sgd, double learning_rate, ParamStore *store);
