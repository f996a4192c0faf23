/* core/models/googlenet_v2.c -- the blocks of "Rethinking the Inception Architecture", Szegedy et
 * al. 2016, in the frame of googlenet_bn.c: 3 x 3 convolutions in place of 5 x 5 (Figure 5), n x 1
 * and 1 x n ones at the middle size (Figure 6; 5 is to 6 x 6 pixels what 7 is to the paper's 17 x
 * 17, or a little more), widened banks at the coarsest (Figure 7), and a reduction of the grid in
 * place of the pools between them (Figure 10).
 *
 * Sizes at the right are for a 1 x 96 x 96 image. */
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks_2016.h"

// clang-format off
Node googlenet_v2(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2, .pad = 1};

    x = conv_bn_relu(g, x, "0.0", (Conv){.out = 64, .kernel = 7, .stride = 2, .pad = 3});
    x = max_pool(g, x, "0.1", halve);                                           //   64 x 24 x 24

    x = conv_bn_relu(g, x, "1.0", (Conv){.out = 64, .kernel = 1});
    x = conv_bn_relu(g, x, "1.1", (Conv){.out = 192, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "1.2", halve);                                           //  192 x 12 x 12

    x = inception_3x3s(g, x, "2.0", o, (Inception){ 64, { 96, 128}, {16,  32},  32});
    x = inception_3x3s(g, x, "2.1", o, (Inception){128, {128, 192}, {32,  96},  64});
    x = reduction(g, x, "2.2", (Reduction){{128, 192}, {32, 96}});              //  768 x  6 x  6

    x = inception_pairs(g, x, "3.0", o, (Inception){192, { 96, 208}, {16,  48},  64});
    x = inception_pairs(g, x, "3.1", o, (Inception){160, {112, 224}, {24,  64},  64});
    x = inception_pairs(g, x, "3.2", o, (Inception){128, {128, 256}, {24,  64},  64});
    x = inception_pairs(g, x, "3.3", o, (Inception){112, {144, 288}, {32,  64},  64});
    x = inception_pairs(g, x, "3.4", o, (Inception){256, {160, 320}, {32, 128}, 128});
    x = reduction(g, x, "3.5", (Reduction){{192, 320}, {32, 128}});             // 1280 x  3 x  3

    x = inception_wide(g, x, "4.0", o, (Inception){256, {160, 160}, {32,  64}, 128});
    x = inception_wide(g, x, "4.1", o, (Inception){384, {192, 192}, {48,  64}, 128});
    x = global_avg_pool(g, x, "4.2");                                           // 1024 x  1 x  1

    return linear(g, x, "5", (Linear){.out = o.classes});
}
// clang-format on
