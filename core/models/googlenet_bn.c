/* core/models/googlenet_bn.c -- GoogLeNet with batch normalisation between each convolution and its
 * ReLU, Ioffe and Szegedy 2015, section 3.2; otherwise as googlenet.c. The normalisation has a
 * shift, so the convolutions have no bias.
 *
 * Names are those of googlenet.c, where each convolution has become a module of `conv` and `bn`.
 * Sizes at the right are for a 1 x 96 x 96 image. */
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

// clang-format off
Node googlenet_bn(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2, .pad = 1};

    x = conv_bn_relu(g, x, "0.0", (Conv){.out = 64, .kernel = 7, .stride = 2, .pad = 3});
    x = max_pool(g, x, "0.1", halve);                                           //   64 x 24 x 24

    x = conv_bn_relu(g, x, "1.0", (Conv){.out = 64, .kernel = 1});
    x = conv_bn_relu(g, x, "1.1", (Conv){.out = 192, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "1.2", halve);                                           //  192 x 12 x 12

    x = inception_bn(g, x, "2.0", o, (Inception){ 64, { 96, 128}, {16,  32},  32});
    x = inception_bn(g, x, "2.1", o, (Inception){128, {128, 192}, {32,  96},  64});
    x = max_pool(g, x, "2.2", halve);                                           //  480 x  6 x  6

    x = inception_bn(g, x, "3.0", o, (Inception){192, { 96, 208}, {16,  48},  64});
    x = inception_bn(g, x, "3.1", o, (Inception){160, {112, 224}, {24,  64},  64});
    x = inception_bn(g, x, "3.2", o, (Inception){128, {128, 256}, {24,  64},  64});
    x = inception_bn(g, x, "3.3", o, (Inception){112, {144, 288}, {32,  64},  64});
    x = inception_bn(g, x, "3.4", o, (Inception){256, {160, 320}, {32, 128}, 128});
    x = max_pool(g, x, "3.5", halve);                                           //  832 x  3 x  3

    x = inception_bn(g, x, "4.0", o, (Inception){256, {160, 320}, {32, 128}, 128});
    x = inception_bn(g, x, "4.1", o, (Inception){384, {192, 384}, {48, 128}, 128});
    x = global_avg_pool(g, x, "4.2");                                           // 1024 x  1 x  1

    return linear(g, x, "5", (Linear){.out = o.classes});
}
// clang-format on
