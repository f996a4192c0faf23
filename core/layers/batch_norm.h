/* core/layers/batch_norm.h -- batch normalisation, as PyTorch's BatchNorm2d.
 *
 *   dst = (src - mean[c]) / sqrt(variance[c] + eps) * weight[c] + bias[c], for channel c
 *
 * Shapes    src and dst N x C x H x W. weight, bias, running_mean, running_var C;
 *           num_batches_tracked one number.
 * Training  mean and variance (divided by the number of values) are those of the whole batch, so
 *           its examples are coupled. After a batch, running = (1 - momentum) * running + momentum
 *           * that of the batch, there with the variance divided by one less, and
 *           num_batches_tracked goes up. One value a channel has no such variance: 0 is taken,
 *           where PyTorch refuses to train.
 * Parts     where several programs compute a batch, mean, variance and the sums of gradients are
 *           those of all of them, added in double in the order of the parts.
 * Evaluation  the running statistics.
 * Backward  diff_src, weight and bias gradients, through mean and variance. With `relu`, the result
 *           of a batch_norm and a relu node: see core/kernels/batch_norm.h.
 * Memory    a few floats for each channel, kept from forward to backward.
 * Errors    ERR_INVALID: eps below 0, momentum outside 0 to 1.
 * Source    Ioffe and Szegedy, "Batch Normalization", 2015.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    double eps;       // 0 means 1e-5
    double momentum;  // 0 means 0.1
    bool relu;        // set by the rewrite that folds a relu node in; models use relu()
    int counters;     // how many nodes became this one: see rewrite_merge_siblings. 0 means 1
} BatchNorm;

extern const LayerType BATCH_NORM;

Node batch_norm(Graph *g, Node src, const char *name, BatchNorm c);
