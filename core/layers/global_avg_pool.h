/* core/layers/global_avg_pool.h -- the mean of each channel.
 *
 *   dst[n][c] = mean of src[n][c][i][j] over all i, j
 *
 * Shapes    src N x C x H x W, dst N x C x 1 x 1.
 * Backward  diff_src[n][c][i][j] = diff_dst[n][c] / (H * W).
 * Source    Lin et al. 2013, section 3.2; oneDNN pooling_avg.
 */
#pragma once
#include "core/graph/graph.h"

extern const LayerType GLOBAL_AVG_POOL;

Node global_avg_pool(Graph *g, Node src, const char *name);
