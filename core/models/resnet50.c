/* core/models/resnet50.c -- ResNet-50, He et al. 2015, Table 1, as torchvision.models.resnet50 has
 * it: a halving block strides in its 3 x 3 convolution. Names, layouts and shapes are those of its
 * state_dict(). Sizes at the right are for a 3 x 224 x 224 image. */
#include "core/layers/add.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

/* Figure 5, right: 1 x 1, 3 x 3, and 1 x 1 to four times the channels; and what goes past them. */
static Node residual(Graph *g, Node x, Node past, int width, int stride)
{
    x = conv_bn(g, x, "conv1", "bn1", (Conv){.out = width, .kernel = 1});
    x = relu(g, x, "relu1");
    x = conv_bn(g, x, "conv2", "bn2",
                (Conv){.out = width, .kernel = 3, .stride = stride, .pad = 1});
    x = relu(g, x, "relu2");
    x = conv_bn(g, x, "conv3", "bn3", (Conv){.out = 4 * width, .kernel = 1});
    return relu(g, add(g, x, past, "add", (Add){0}), "relu3");
}

static Node block(Graph *g, Node x, const char *name, int width)
{
    graph_enter(g, name);
    x = residual(g, x, x, width, 1);
    graph_leave(g);
    return x;
}

/* The first block of a stage: a 1 x 1 convolution brings what goes past to its shape. */
static Node first(Graph *g, Node x, const char *name, int width, int stride)
{
    graph_enter(g, name);
    Node past = conv_bn(g, x, "downsample.0", "downsample.1",
                        (Conv){.out = 4 * width, .kernel = 1, .stride = stride});
    x = residual(g, x, past, width, stride);
    graph_leave(g);
    return x;
}

// clang-format off
Node resnet50(Graph *g, Node x, ModelOptions o)
{
    x = conv_bn(g, x, "conv1", "bn1", (Conv){.out = 64, .kernel = 7, .stride = 2, .pad = 3});
    x = relu(g, x, "relu");
    x = max_pool(g, x, "maxpool", (Pool){.kernel = 3, .stride = 2, .pad = 1});

    x = first(g, x, "layer1.0", 64, 1);
    x = block(g, x, "layer1.1", 64);
    x = block(g, x, "layer1.2", 64);                        //  256 x 56 x 56

    x = first(g, x, "layer2.0", 128, 2);
    x = block(g, x, "layer2.1", 128);
    x = block(g, x, "layer2.2", 128);
    x = block(g, x, "layer2.3", 128);                       //  512 x 28 x 28

    x = first(g, x, "layer3.0", 256, 2);
    x = block(g, x, "layer3.1", 256);
    x = block(g, x, "layer3.2", 256);
    x = block(g, x, "layer3.3", 256);
    x = block(g, x, "layer3.4", 256);
    x = block(g, x, "layer3.5", 256);                       // 1024 x 14 x 14

    x = first(g, x, "layer4.0", 512, 2);
    x = block(g, x, "layer4.1", 512);
    x = block(g, x, "layer4.2", 512);                       // 2048 x  7 x  7

    x = global_avg_pool(g, x, "avgpool");                   // 2048 x  1 x  1
    return linear(g, x, "fc", (Linear){.out = o.classes});
}
// clang-format on
