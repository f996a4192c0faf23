/* core/models/googlenet_tiny.c -- GoogLeNet's parts at a twentieth of its size, for tests and first
 * steps.
 *
 * It has every kind of layer that GoogLeNet has, in the same order, and trains on 28 x 28 images in
 * seconds. Sizes at the right are for a 1 x 28 x 28 image. */
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

// clang-format off
Node googlenet_tiny(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2, .pad = 1};

    x = conv_relu(g, x, "0.0", (Conv){.out = 16, .kernel = 5, .stride = 2, .pad = 2});  // 16 x 14 x 14

    x = inception(g, x, "1.0", o, (Inception){ 8, { 8, 16}, {4,  8},  8});
    x = inception(g, x, "1.1", o, (Inception){16, {12, 24}, {4, 12}, 12});
    x = max_pool(g, x, "1.2", halve);                                                   // 64 x  7 x  7

    x = inception(g, x, "2.0", o, (Inception){24, {16, 40}, {8, 16}, 16});
    x = global_avg_pool(g, x, "2.1");                                                   // 96 x  1 x  1

    return linear(g, x, "3", (Linear){.out = o.classes});
}
// clang-format on
