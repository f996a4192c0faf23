/* core/models/blocks_2016.h -- Inception blocks as later papers changed them; every convolution
 * with batch normalisation and ReLU. The channels of the four paths are named as those of the first
 * block; where a path has more convolutions, those in between have as many as the one after or
 * before them, as each block says. */
#pragma once
#include "core/models/blocks.h"

/* Szegedy et al. 2016, Figure 5: two 3x3 convolutions of c3[1] channels each instead of the 5x5. */
Node inception_3x3s(Graph *g, Node x, const char *name, ModelOptions o, Inception c);

/* Figure 6 with n = 5: 1xn then nx1 in place of the 3x3, that twice in place of the 5x5; the last
 * of each path has c2[1] or c3[1] channels, those before it c2[0] or c3[0]. */
Node inception_pairs(Graph *g, Node x, const char *name, ModelOptions o, Inception c);

/* Figure 7: paths that end in a 1x3 and a 3x1 side by side, each of c2[1] or c3[1] channels. */
Node inception_wide(Graph *g, Node x, const char *name, ModelOptions o, Inception c);

/* Two paths of convolutions that end in a stride of 2, and a pool, joined. */
typedef struct {
    int c2[2];  // 1x1, then 3x3
    int c3[2];  // 1x1, then two 3x3
} Reduction;

/* Figure 10: halves the image and adds c2[1] + c3[1] channels. */
Node reduction(Graph *g, Node x, const char *name, Reduction c);

/* Szegedy et al. 2017, Figure 10 and section 3.3: ReLU of x + 0.2 * (the joined paths of
 * inception_bn, brought to the channels of x by a 1x1 convolution `up`). */
Node inception_residual(Graph *g, Node x, const char *name, ModelOptions o, Inception c);
