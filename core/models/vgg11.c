/* core/models/vgg11.c -- VGG-11, Simonyan and Zisserman 2014, configuration A, as d2l.ai "VGG"
 * builds it: five blocks of 3 x 3 convolutions, each of which halves the image, then three linear
 * layers.
 *
 * Names are the paths that PyTorch's state_dict() gives d2l's module. Sizes at the right are for a
 * 1 x 224 x 224 image. */
#include "core/layers/dropout.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

// clang-format off
Node vgg11(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 2, .stride = 2};

    x = conv_relu(g, x, "0.0", (Conv){.out = 64, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "0.2", halve);                                           //   64 x 112 x 112

    x = conv_relu(g, x, "1.0", (Conv){.out = 128, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "1.2", halve);                                           //  128 x  56 x  56

    x = conv_relu(g, x, "2.0", (Conv){.out = 256, .kernel = 3, .pad = 1});
    x = conv_relu(g, x, "2.2", (Conv){.out = 256, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "2.4", halve);                                           //  256 x  28 x  28

    x = conv_relu(g, x, "3.0", (Conv){.out = 512, .kernel = 3, .pad = 1});
    x = conv_relu(g, x, "3.2", (Conv){.out = 512, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "3.4", halve);                                           //  512 x  14 x  14

    x = conv_relu(g, x, "4.0", (Conv){.out = 512, .kernel = 3, .pad = 1});
    x = conv_relu(g, x, "4.2", (Conv){.out = 512, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "4.4", halve);                                           //  512 x   7 x   7

    x = linear_relu(g, x, "6", (Linear){.out = 4096});
    x = dropout(g, x, "8", (Dropout){.rate = 0.5F});
    x = linear_relu(g, x, "9", (Linear){.out = 4096});
    x = dropout(g, x, "11", (Dropout){.rate = 0.5F});
    return linear(g, x, "12", (Linear){.out = o.classes});
}
// clang-format on
