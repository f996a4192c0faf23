/* core/layers/conv/conv.h -- 2-D convolution, with or without a bias.
 *
 *   dst[n][o][i][j] = bias[o] + sum of weights[o][c][u][v]
 *                                      * src[n][c][i*stride + u - pad][j*stride_w + v - pad_w]
 *                     over all c, 0 <= u < kernel and 0 <= v < kernel_w; pixels outside the image
 *                     count as 0.
 *
 * Shapes    src N x C x H x W, dst N x O x H' x W', H' = (H + 2*pad - kernel) / stride + 1, rounded
 *           down; W' likewise. weights O x C x kernel x kernel_w, bias O.
 * Backward  diff_src, weights and bias gradients. With `relu`, dst = max(0, .), and diff_dst is set
 *           to 0 where dst is not above 0 before anything else, unless that mask has moved: the
 *           result of a conv and a relu node, in one pass. With `src_mask`, diff_src becomes 0
 *           where src is not above 0.
 * Memory    packed weights for forward and for backward data, accumulated gradients.
 * Errors    ERR_INVALID: out, kernel or stride below 1, pad below 0, window larger than the padded
 *           src. ERR_DNN: no kernel could be created.
 * Source    core/layers/conv/conv_kernels.c lists what computes it.
 */
#pragma once
#include "core/graph/graph.h"
#include "core/graph/window.h"

typedef struct {
    int out;  // output channels
    WINDOW_FIELDS;
    bool no_bias;
    bool relu;  // set by the rewrite that folds a relu node in; models use relu()
    // Where the backward mask of a ReLU has moved: see core/net/rewrites.h.
    bool mask_moved;  // a reader applies that of this conv's
    bool src_mask;    // this conv applies that of the ReLU that gives src
} Conv;

extern const LayerType CONV;

Node conv(Graph *g, Node src, const char *name, Conv c);
