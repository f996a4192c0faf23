/* core/layers/max_pool.h -- 2-D max pooling.
 *
 *   dst[n][c][i][j] = max of src[n][c][i*stride + u - pad][j*stride + v - pad]
 *                     over 0 <= u, v < kernel; positions outside the image do not take part.
 *
 * Shapes    src N x C x H x W, dst N x C x H' x W', H' = (H + 2*pad - kernel) / stride + 1, rounded
 *           down; W' alike.
 * Backward  diff_src gets each diff_dst at the place its maximum came from (the first in reading
 *           order if there are several), added up where windows overlap, and 0 elsewhere. With
 *           `masked`, diff_dst is set to 0 where dst is not above 0 before anything else: what a
 *           ReLU in the layer before would do to diff_src.
 * Memory    a workspace of one index per dst element, kept from forward to backward.
 * Errors    ERR_INVALID: kernel or stride below 1, pad below 0 or more than half the kernel, window
 *           larger than the padded src. ERR_DNN: oneDNN refused.
 * Source    Szegedy et al. 2015, Figure 2(b) and Table 1; oneDNN pooling_max.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    int kernel;   // window side
    int stride;   // 0 means 1
    int pad;      // on each side
    bool masked;  // set by the rewrite that saves the ReLU before it a pass
} Pool;

extern const LayerType MAX_POOL;

Node max_pool(Graph *g, Node src, const char *name, Pool p);

/* Bytes of such an index in a job's training. */
size_t max_pool_place_bytes(const Pool *p, int channels, bool bf16);
