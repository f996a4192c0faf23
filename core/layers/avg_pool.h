/* core/layers/avg_pool.h -- 2-D average pooling.
 *
 *   dst[n][c][i][j] = mean of src[n][c][i*stride + u - pad][j*stride_w + v - pad_w]
 *                     over 0 <= u < kernel and 0 <= v < kernel_w; pixels outside the image count as
 *                     0, or, with `skip_pads`, do not take part.
 *
 * Shapes    src N x C x H x W, dst N x C x H' x W', H' = (H + 2*pad - kernel) / stride + 1, rounded
 *           down; W' likewise.
 * Backward  each pixel gets its share of the diff_dst of every window that it is in.
 * Errors    ERR_INVALID: kernel or stride below 1, pad below 0 or more than half the kernel, window
 *           larger than the padded src. ERR_DNN: oneDNN refused.
 * Source    PyTorch's AvgPool2d, whose count_include_pad is true unless it is told otherwise, and
 *           whose ceil_mode there is not here; oneDNN pooling_avg.
 */
#pragma once
#include "core/graph/graph.h"
#include "core/graph/window.h"

typedef struct {
    WINDOW_FIELDS;
    bool skip_pads;  // count_include_pad=False
} AvgPool;

extern const LayerType AVG_POOL;

Node avg_pool(Graph *g, Node src, const char *name, AvgPool p);
