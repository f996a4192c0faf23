/* core/models/resnet8.c -- a small residual network for small images: seven 3 x 3 convolutions and
 * a linear layer. It keeps the whole image for its first two convolutions, where networks for
 * photographs have shrunk it four times by then, and learns from few examples.
 *
 * After He et al. 2015, and in its shape after David Page's ResNet-9 for CIFAR-10 (2018): a stage
 * is a convolution, a pool and a residual convolution. The wide one has more channels, and learns
 * more in many epochs. Sizes at the right are for a 1 x 28 x 28 image and a width of 1. */
#include "core/layers/add.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

static Node stage(Graph *g, Node x, const char *name, int out)
{
    const Conv c = {.out = out, .kernel = 3, .pad = 1};
    graph_enter(g, name);
    x = relu(g, conv_bn(g, x, "conv1", "bn1", c), "relu1");
    x = max_pool(g, x, "pool", (Pool){.kernel = 2, .stride = 2});
    Node more = relu(g, conv_bn(g, x, "conv2", "bn2", c), "relu2");
    x = add(g, x, more, "add", (Add){0});
    graph_leave(g);
    return x;
}

// clang-format off
static Node eight_layers(Graph *g, Node x, ModelOptions o, int width)
{
    x = conv_bn(g, x, "conv1", "bn1", (Conv){.out = 16 * width, .kernel = 3, .pad = 1});
    x = relu(g, x, "relu");                                 //   16 x 28 x 28

    x = stage(g, x, "layer1", 64 * width);                  //   64 x 14 x 14
    x = stage(g, x, "layer2", 128 * width);                 //  128 x  7 x  7
    x = stage(g, x, "layer3", 256 * width);                 //  256 x  3 x  3
    x = global_avg_pool(g, x, "avgpool");                   //  256 x  1 x  1

    return linear(g, x, "fc", (Linear){.out = o.classes});
}
// clang-format on

Node resnet8(Graph *g, Node x, ModelOptions o)
{
    return eight_layers(g, x, o, 1);
}

Node wide_resnet8(Graph *g, Node x, ModelOptions o)
{
    return eight_layers(g, x, o, 2);
}
