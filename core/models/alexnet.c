/* core/models/alexnet.c -- AlexNet, Krizhevsky et al. 2012, in the plain form of d2l.ai "AlexNet":
 * one column, no local response norm.
 *
 * Names are the indices that PyTorch's state_dict() gives d2l's module. Sizes at the right are for
 * a 1 x 224 x 224 image. */
#include "core/layers/dropout.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

// clang-format off
Node alexnet(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2};

    x = conv_relu(g, x, "0", (Conv){.out = 96, .kernel = 11, .stride = 4, .pad = 1});
    x = max_pool(g, x, "2", halve);                                             //   96 x 26 x 26
    x = conv_relu(g, x, "3", (Conv){.out = 256, .kernel = 5, .pad = 2});
    x = max_pool(g, x, "5", halve);                                             //  256 x 12 x 12

    x = conv_relu(g, x, "6", (Conv){.out = 384, .kernel = 3, .pad = 1});
    x = conv_relu(g, x, "8", (Conv){.out = 384, .kernel = 3, .pad = 1});
    x = conv_relu(g, x, "10", (Conv){.out = 256, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "12", halve);                                            //  256 x  5 x  5

    x = linear_relu(g, x, "14", (Linear){.out = 4096});
    x = dropout(g, x, "16", (Dropout){.rate = 0.5F});
    x = linear_relu(g, x, "17", (Linear){.out = 4096});
    x = dropout(g, x, "19", (Dropout){.rate = 0.5F});
    return linear(g, x, "20", (Linear){.out = o.classes});
}
// clang-format on
