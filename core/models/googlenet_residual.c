/* core/models/googlenet_residual.c -- GoogLeNet with residual connections around its blocks, after
 * Inception-ResNet, Szegedy et al. 2017, section 3.2 and 3.3: a block's result, brought to the
 * channels of its input by a 1 x 1 convolution without activation and scaled down, is added to the
 * input. The first block of each stage, which widens it, has none.
 *
 * Sizes at the right are for a 1 x 96 x 96 image. */
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks_2016.h"

// clang-format off
Node googlenet_residual(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2, .pad = 1};

    x = conv_bn_relu(g, x, "0.0", (Conv){.out = 64, .kernel = 7, .stride = 2, .pad = 3});
    x = max_pool(g, x, "0.1", halve);                                           //   64 x 24 x 24

    x = conv_bn_relu(g, x, "1.0", (Conv){.out = 64, .kernel = 1});
    x = conv_bn_relu(g, x, "1.1", (Conv){.out = 192, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "1.2", halve);                                           //  192 x 12 x 12

    x = inception_bn(g, x, "2.0", o, (Inception){ 64, { 96, 128}, {16,  32},  32});
    x = inception_residual(g, x, "2.1", o, (Inception){128, {128, 192}, {32,  96},  64});
    x = max_pool(g, x, "2.2", halve);                                           //  256 x  6 x  6

    x = inception_bn(g, x, "3.0", o, (Inception){192, { 96, 208}, {16,  48},  64});
    x = inception_residual(g, x, "3.1", o, (Inception){160, {112, 224}, {24,  64},  64});
    x = inception_residual(g, x, "3.2", o, (Inception){128, {128, 256}, {24,  64},  64});
    x = inception_residual(g, x, "3.3", o, (Inception){112, {144, 288}, {32,  64},  64});
    x = inception_residual(g, x, "3.4", o, (Inception){256, {160, 320}, {32, 128}, 128});
    x = max_pool(g, x, "3.5", halve);                                           //  512 x  3 x  3

    x = inception_bn(g, x, "4.0", o, (Inception){256, {160, 320}, {32, 128}, 128});
    x = inception_residual(g, x, "4.1", o, (Inception){384, {192, 384}, {48, 128}, 128});
    x = global_avg_pool(g, x, "4.2");                                           //  832 x  1 x  1

    return linear(g, x, "5", (Linear){.out = o.classes});
}
// clang-format on
