/* core/train/optim/optimizer.h -- updates of the parameters, as torch.optim defines them.
 *
 * SGD
 *   g = grad + weight_decay * value
 *   m = momentum * m + g          (m = g at the first step)
 *   g = nesterov ? g + momentum * m : m
 *   value -= learning_rate * g
 * without dampening. With momentum 0 no momentum array is touched.
 *
 * AdamW, in update t, from 1
 *   value -= learning_rate * weight_decay * value
 *   m = beta1 * m + (1 - beta1) * grad
 *   v = beta2 * v + (1 - beta2) * grad^2
 *   value -= learning_rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * An optimizer is one file and one row of the table in optimizer.c.
 * Source   Sutskever et al. 2013, torch.optim.SGD; Loshchilov and Hutter, "Decoupled Weight Decay
 *          Regularization", 2019, torch.optim.AdamW.
 */
#pragma once
#include "core/dnn/params.h"

typedef enum { OPTIMIZER_SGD, OPTIMIZER_ADAMW } OptimizerType;

extern const char *const OPTIMIZER_NAMES[];  // by OptimizerType, NULL-terminated

typedef struct {
    OptimizerType type;
    double momentum;      // SGD; [0, 1)
    bool nesterov;        // SGD; needs momentum > 0
    double beta1, beta2;  // AdamW; [0, 1), PyTorch has 0.9 and 0.999
    double epsilon;       // AdamW; above 0, PyTorch has 1e-8
    double weight_decay;
    bool weights_only;  // the decay spares biases, scales and shifts; PyTorch's spares nothing
} Optimizer;

/* A group of its own in an update, as torch.optim has them: the head of a network (core/train/
 * head.h). */
typedef struct {
    size_t weights, others;  // where its numbers begin among the store's weights, and among what
                             // else is trained: it has the rest of both
    double rate_factor;      // of its learning rate
    bool alone;              // all others stay as they are, and so do their slots
} UpdateHead;

/* One update. */
typedef struct {
    double learning_rate;
    int64_t step;       // updates before this one
    double grad_scale;  // by which the gradients are multiplied: 1, or less where they are clipped
    const UpdateHead *head;  // NULL: all numbers are alike
} UpdateStep;

/* What an update has seen on its way through the arrays. */
typedef struct {
    double grad_norm;    // L2 norm of all gradients as they came; NaN or infinite if one is. Its
                         // last bits depend on the threads
    bool values_finite;  // all values are numbers after the update
} UpdateReport;

/* Make sure that the store has the slots that this optimizer keeps. ERR_NO_MEMORY. */
bool optimizer_need_slots(const Optimizer *optimizer, ParamStore *store, Error *err);
/* Whether it keeps this one. */
bool optimizer_keeps(const Optimizer *optimizer, ParamSlot slot);

/* One update of all values with the gradients in the store. Slots are zeros before step 0. The same
 * bits on any number of threads. */
UpdateReport optimizer_update(const Optimizer *optimizer, UpdateStep step, ParamStore *store);
