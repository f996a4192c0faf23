/* core/models/nin.c -- network in network, Lin et al. 2013, as d2l.ai "NiN" builds it: after every
 * convolution two of 1 x 1, a small network at each pixel, and no linear layer at the end: the last
 * block has a channel for each class.
 *
 * Names are the paths that PyTorch's state_dict() gives d2l's module. Sizes at the right are for a
 * 1 x 224 x 224 image. */
#include "core/layers/dropout.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

static Node nin_block(Graph *g, Node x, const char *name, Conv c)
{
    graph_enter(g, name);
    x = conv_relu(g, x, "0", c);
    x = conv_relu(g, x, "2", (Conv){.out = c.out, .kernel = 1});
    x = conv_relu(g, x, "4", (Conv){.out = c.out, .kernel = 1});
    graph_leave(g);
    return x;
}

// clang-format off
Node nin(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2};

    x = nin_block(g, x, "0", (Conv){.out = 96, .kernel = 11, .stride = 4});
    x = max_pool(g, x, "1", halve);                                             //   96 x 26 x 26
    x = nin_block(g, x, "2", (Conv){.out = 256, .kernel = 5, .pad = 2});
    x = max_pool(g, x, "3", halve);                                             //  256 x 12 x 12
    x = nin_block(g, x, "4", (Conv){.out = 384, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "5", halve);                                             //  384 x  5 x  5

    x = dropout(g, x, "6", (Dropout){.rate = 0.5F});
    x = nin_block(g, x, "7", (Conv){.out = o.classes, .kernel = 3, .pad = 1});
    return global_avg_pool(g, x, "8");
}
// clang-format on
