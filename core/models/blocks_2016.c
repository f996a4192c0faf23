#include "core/models/blocks_2016.h"

#include "core/layers/add.h"
#include "core/layers/concat.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"

enum { PAIR = 5 };  // n of the n x 1 and 1 x n convolutions

static Node conv1x1(Graph *g, Node x, const char *name, int out)
{
    return conv_bn_relu(g, x, name, (Conv){.out = out, .kernel = 1});
}

static Node conv3x3(Graph *g, Node x, const char *name, int out, int stride)
{
    return conv_bn_relu(g, x, name, (Conv){.out = out, .kernel = 3, .stride = stride, .pad = 1});
}

/* A row: 1 x n. */
static Node row(Graph *g, Node x, const char *name, int out, int n)
{
    return conv_bn_relu(g, x, name, (Conv){.out = out, .kernel = 1, .kernel_w = n, .pad_w = n / 2});
}

/* A column: n x 1. */
static Node column(Graph *g, Node x, const char *name, int out, int n)
{
    return conv_bn_relu(g, x, name, (Conv){.out = out, .kernel = n, .pad = n / 2, .kernel_w = 1});
}

/* Any number will do once the graph has failed. */
static int channels_of(const Graph *g, Node x)
{
    return x == NODE_NONE ? 1 : graph_shape(g, x).channels;
}

static Node pooled(Graph *g, Node x, int out)
{
    x = max_pool(g, x, "p4_1", (Pool){.kernel = 3, .pad = 1});
    return conv1x1(g, x, "p4_2", out);
}

Node inception_3x3s(Graph *g, Node x, const char *name, ModelOptions o, Inception own)
{
    const Inception c = block_channels(o, name, own);
    graph_enter(g, name);
    Node p1 = conv1x1(g, x, "p1_1", c.c1);

    Node p2 = conv1x1(g, x, "p2_1", c.c2[0]);
    p2 = conv3x3(g, p2, "p2_2", c.c2[1], 1);

    Node p3 = conv1x1(g, x, "p3_1", c.c3[0]);
    p3 = conv3x3(g, p3, "p3_2", c.c3[1], 1);
    p3 = conv3x3(g, p3, "p3_3", c.c3[1], 1);

    Node p4 = pooled(g, x, c.c4);
    Node joined = concat(g, "concat", (Node[]){p1, p2, p3, p4}, 4);
    graph_leave(g);
    return joined;
}

Node inception_pairs(Graph *g, Node x, const char *name, ModelOptions o, Inception own)
{
    const Inception c = block_channels(o, name, own);
    graph_enter(g, name);
    Node p1 = conv1x1(g, x, "p1_1", c.c1);

    Node p2 = conv1x1(g, x, "p2_1", c.c2[0]);
    p2 = row(g, p2, "p2_2", c.c2[0], PAIR);
    p2 = column(g, p2, "p2_3", c.c2[1], PAIR);

    Node p3 = conv1x1(g, x, "p3_1", c.c3[0]);
    p3 = column(g, p3, "p3_2", c.c3[0], PAIR);
    p3 = row(g, p3, "p3_3", c.c3[0], PAIR);
    p3 = column(g, p3, "p3_4", c.c3[0], PAIR);
    p3 = row(g, p3, "p3_5", c.c3[1], PAIR);

    Node p4 = pooled(g, x, c.c4);
    Node joined = concat(g, "concat", (Node[]){p1, p2, p3, p4}, 4);
    graph_leave(g);
    return joined;
}

Node inception_wide(Graph *g, Node x, const char *name, ModelOptions o, Inception own)
{
    const Inception c = block_channels(o, name, own);
    graph_enter(g, name);
    Node p1 = conv1x1(g, x, "p1_1", c.c1);

    Node p2 = conv1x1(g, x, "p2_1", c.c2[0]);
    Node p2a = row(g, p2, "p2_2a", c.c2[1], 3);
    Node p2b = column(g, p2, "p2_2b", c.c2[1], 3);

    Node p3 = conv1x1(g, x, "p3_1", c.c3[0]);
    p3 = conv3x3(g, p3, "p3_2", c.c3[1], 1);
    Node p3a = row(g, p3, "p3_3a", c.c3[1], 3);
    Node p3b = column(g, p3, "p3_3b", c.c3[1], 3);

    Node p4 = pooled(g, x, c.c4);
    Node joined = concat(g, "concat", (Node[]){p1, p2a, p2b, p3a, p3b, p4}, 6);
    graph_leave(g);
    return joined;
}

Node reduction(Graph *g, Node x, const char *name, Reduction c)
{
    graph_enter(g, name);
    Node p1 = max_pool(g, x, "p1_1", (Pool){.kernel = 3, .stride = 2, .pad = 1});

    Node p2 = conv1x1(g, x, "p2_1", c.c2[0]);
    p2 = conv3x3(g, p2, "p2_2", c.c2[1], 2);

    Node p3 = conv1x1(g, x, "p3_1", c.c3[0]);
    p3 = conv3x3(g, p3, "p3_2", c.c3[1], 1);
    p3 = conv3x3(g, p3, "p3_3", c.c3[1], 2);

    Node joined = concat(g, "concat", (Node[]){p1, p2, p3}, 3);
    graph_leave(g);
    return joined;
}

Node inception_residual(Graph *g, Node x, const char *name, ModelOptions o, Inception c)
{
    Node paths = inception_bn(g, x, name, o, c);
    graph_enter(g, name);
    paths = conv(g, paths, "up", (Conv){.out = channels_of(g, x), .kernel = 1});
    Node sum = add(g, x, paths, "add", (Add){.scale = 0.2F});
    sum = relu(g, sum, "relu");
    graph_leave(g);
    return sum;
}
