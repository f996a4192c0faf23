/* core/models/wide_resnet16.c -- a residual network of sixteen layers, four times as wide, for
 * small images: it keeps the whole image for its first four convolutions and halves it twice.
 *
 * Zagoruyko and Komodakis, "Wide Residual Networks", 2016, Table 1 with N = 2 and k = 4: WRN-16-4,
 * without dropout. Normalisation and ReLU come before each convolution. Sizes at the right are for
 * a 1 x 28 x 28 image. */
#include "core/layers/add.h"
#include "core/layers/batch_norm.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/relu.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

enum { WIDTH = 4 };

/* Two 3 x 3 convolutions, of which the first has its input normalised already, and what goes past
 * them. */
static Node residual(Graph *g, Node x, Node past, int out, int stride)
{
    x = conv_bn(g, x, "conv1", "bn2", (Conv){.out = out, .kernel = 3, .stride = stride, .pad = 1});
    x = relu(g, x, "relu2");
    x = conv(g, x, "conv2", (Conv){.out = out, .kernel = 3, .pad = 1, .no_bias = true});
    return add(g, x, past, "add", (Add){0});
}

static Node normalised(Graph *g, Node x)
{
    return relu(g, batch_norm(g, x, "bn1", (BatchNorm){0}), "relu1");
}

/* The input itself goes past. */
static Node block(Graph *g, Node x, const char *name, int out)
{
    graph_enter(g, name);
    x = residual(g, normalised(g, x), x, out, 1);
    graph_leave(g);
    return x;
}

/* A 1 x 1 convolution brings what goes past to the new shape. */
static Node widening(Graph *g, Node x, const char *name, int out, int stride)
{
    graph_enter(g, name);
    x = normalised(g, x);
    Node past =
        conv(g, x, "shortcut", (Conv){.out = out, .kernel = 1, .stride = stride, .no_bias = true});
    x = residual(g, x, past, out, stride);
    graph_leave(g);
    return x;
}

// clang-format off
Node wide_resnet16(Graph *g, Node x, ModelOptions o)
{
    x = conv(g, x, "conv1", (Conv){.out = 16, .kernel = 3, .pad = 1, .no_bias = true});

    x = widening(g, x, "layer1.0", 16 * WIDTH, 1);
    x = block(g, x, "layer1.1", 16 * WIDTH);                //   64 x 28 x 28
    x = widening(g, x, "layer2.0", 32 * WIDTH, 2);
    x = block(g, x, "layer2.1", 32 * WIDTH);                //  128 x 14 x 14
    x = widening(g, x, "layer3.0", 64 * WIDTH, 2);
    x = block(g, x, "layer3.1", 64 * WIDTH);                //  256 x  7 x  7

    x = relu(g, batch_norm(g, x, "bn", (BatchNorm){0}), "relu");
    x = global_avg_pool(g, x, "avgpool");                   //  256 x  1 x  1
    return linear(g, x, "fc", (Linear){.out = o.classes});
}
// clang-format on
