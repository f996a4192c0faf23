/* core/models/resnet18.c -- ResNet-18, He et al. 2015, Table 1, as torchvision.models.resnet18 has
 * it; names, layouts and shapes are those of its state_dict(). Sizes at the right are for a 3 x 224
 * x 224 image. */
#include "core/layers/add.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

/* Two 3 x 3 convolutions, and what goes past them. */
static Node residual(Graph *g, Node x, Node past, int out, int stride)
{
    x = conv_bn(g, x, "conv1", "bn1", (Conv){.out = out, .kernel = 3, .stride = stride, .pad = 1});
    x = relu(g, x, "relu1");
    x = conv_bn(g, x, "conv2", "bn2", (Conv){.out = out, .kernel = 3, .pad = 1});
    return relu(g, add(g, x, past, "add", (Add){0}), "relu2");
}

/* Figure 5, left: the input itself goes past. */
static Node block(Graph *g, Node x, const char *name, int out)
{
    graph_enter(g, name);
    x = residual(g, x, x, out, 1);
    graph_leave(g);
    return x;
}

/* The image is halved, and a 1 x 1 convolution brings what goes past to its shape. */
static Node halving(Graph *g, Node x, const char *name, int out)
{
    graph_enter(g, name);
    Node past =
        conv_bn(g, x, "downsample.0", "downsample.1", (Conv){.out = out, .kernel = 1, .stride = 2});
    x = residual(g, x, past, out, 2);
    graph_leave(g);
    return x;
}

// clang-format off
Node resnet18(Graph *g, Node x, ModelOptions o)
{
    x = conv_bn(g, x, "conv1", "bn1", (Conv){.out = 64, .kernel = 7, .stride = 2, .pad = 3});
    x = relu(g, x, "relu");
    x = max_pool(g, x, "maxpool", (Pool){.kernel = 3, .stride = 2, .pad = 1});

    x = block(g, x, "layer1.0", 64);
    x = block(g, x, "layer1.1", 64);                        //   64 x 56 x 56
    x = halving(g, x, "layer2.0", 128);
    x = block(g, x, "layer2.1", 128);                       //  128 x 28 x 28
    x = halving(g, x, "layer3.0", 256);
    x = block(g, x, "layer3.1", 256);                       //  256 x 14 x 14
    x = halving(g, x, "layer4.0", 512);
    x = block(g, x, "layer4.1", 512);                       //  512 x  7 x  7

    x = global_avg_pool(g, x, "avgpool");                   //  512 x  1 x  1
    return linear(g, x, "fc", (Linear){.out = o.classes});
}
// clang-format on
