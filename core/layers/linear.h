/* core/layers/linear.h -- fully connected layer, with or without a bias.
 *
 *   dst[n][o] = bias[o] + sum of weights[o][i] * src[n][i] over all i
 *
 * Shapes    src N x C x H x W, read as N x (C*H*W) channel by channel, as PyTorch's
 *           Flatten gives it; dst N x O x 1 x 1. weights O x (C*H*W), bias O.
 * Backward  diff_src, weights and bias gradients.
 * Memory    packed weights for forward and for backward data; a copy of src for the weights'
 *           gradient, where H*W and C are above 1.
 * Errors    ERR_INVALID: out below 1. ERR_DNN: oneDNN refused.
 * Source    oneDNN inner_product, and matmul for the weights' gradient.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    int out;  // outputs
    bool no_bias;
} Linear;

extern const LayerType LINEAR;

Node linear(Graph *g, Node src, const char *name, Linear c);
