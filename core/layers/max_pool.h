/* core/layers/max_pool.h -- 2-D max pooling.
 *
 *   dst[n][c][i][j] = max of src[n][c][i*stride + u - pad][j*stride_w + v - pad_w]
 *                     over 0 <= u < kernel and 0 <= v < kernel_w; positions outside the image do
 *                     not take part.
 *
 * Shapes    src N x C x H x W, dst N x C x H' x W', H' = (H + 2*pad - kernel) / stride + 1, rounded
 *           down, or, with `ceil`, up, but without a window that would begin in the pad behind the
 *           image; W' likewise.
 * Backward  diff_src gets each diff_dst where its maximum came from (the first in reading order if
 *           there are several), added up where windows overlap, and 0 elsewhere. With `relu_mask`,
 *           diff_dst is set to 0 where dst is not above 0 before anything else.
 * NaN       is larger than any number, so that none is lost.
 * Memory    a workspace of argmax indices, 16 bits for each number of dst, kept from forward to
 *           backward.
 * Errors    ERR_INVALID: kernel below 1 or of more than MAX_POOL_LARGEST pixels, stride below 1,
 *           pad below 0 or more than half the kernel, window larger than the padded src.
 * Source    Szegedy et al. 2015, Figure 2(b) and Table 1; PyTorch's MaxPool2d for `ceil`;
 *           core/kernels/max_pool.h.
 */
#pragma once
#include "core/graph/graph.h"
#include "core/graph/window.h"

typedef struct {
    WINDOW_FIELDS;
    bool ceil;       // ceil_mode=True
    bool relu_mask;  // apply the backward mask of the ReLU before it: see core/net/rewrites.h
} Pool;

extern const LayerType MAX_POOL;

Node max_pool(Graph *g, Node src, const char *name, Pool p);
