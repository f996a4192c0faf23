#include "core/models/blocks.h"

#include <stdio.h>
#include <string.h>

#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"

static Node relu_of(Graph *g, Node x, const char *name)
{
    char relu_name[GRAPH_MAX_NAME];
    snprintf(relu_name, sizeof relu_name, "%s.relu", name);
    return relu(g, x, relu_name);
}

Node conv_relu(Graph *g, Node x, const char *name, Conv c)
{
    return relu_of(g, conv(g, x, name, c), name);
}

Node linear_relu(Graph *g, Node x, const char *name, Linear c)
{
    return relu_of(g, linear(g, x, name, c), name);
}

static Node conv_norm(Graph *g, Node x, const char *conv_name, const char *bn_name, Conv c,
                      BatchNorm norm)
{
    c.no_bias = true;
    return batch_norm(g, conv(g, x, conv_name, c), bn_name, norm);
}

Node conv_bn(Graph *g, Node x, const char *conv_name, const char *bn_name, Conv c)
{
    return conv_norm(g, x, conv_name, bn_name, c, (BatchNorm){0});
}

static Node module(Graph *g, Node x, const char *name, Conv c, BatchNorm norm)
{
    graph_enter(g, name);
    x = conv_norm(g, x, "conv", "bn", c, norm);
    x = relu(g, x, "relu");
    graph_leave(g);
    return x;
}

Node conv_bn_relu(Graph *g, Node x, const char *name, Conv c)
{
    return module(g, x, name, c, (BatchNorm){0});
}

Node basic_conv(Graph *g, Node x, const char *name, Conv c)
{
    return module(g, x, name, c, (BatchNorm){.eps = 1e-3});
}

const InceptionBlock *block_find(const BlockList *list, const char *name)
{
    for (int i = 0; list && i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

Inception block_channels(ModelOptions o, const char *name, Inception own)
{
    const InceptionBlock *given = block_find(o.blocks, name);
    InceptionBlock block = {.channels = given ? given->channels : own};
    snprintf(block.name, sizeof block.name, "%s", name);
    if (o.built && o.built->count < MODEL_MAX_BLOCKS)
        o.built->items[o.built->count++] = block;
    return block.channels;
}

/* A convolution and what follows it. */
typedef Node (*ConvUnit)(Graph *g, Node x, const char *name, Conv c);

/* The four paths, each convolution of them a `unit`. */
static Node four_paths(Graph *g, Node x, const char *name, Inception c, ConvUnit unit)
{
    graph_enter(g, name);
    Node p1 = unit(g, x, "p1_1", (Conv){.out = c.c1, .kernel = 1});

    Node p2 = unit(g, x, "p2_1", (Conv){.out = c.c2[0], .kernel = 1});
    p2 = unit(g, p2, "p2_2", (Conv){.out = c.c2[1], .kernel = 3, .pad = 1});

    Node p3 = unit(g, x, "p3_1", (Conv){.out = c.c3[0], .kernel = 1});
    p3 = unit(g, p3, "p3_2", (Conv){.out = c.c3[1], .kernel = 5, .pad = 2});

    Node p4 = max_pool(g, x, "p4_1", (Pool){.kernel = 3, .pad = 1});
    p4 = unit(g, p4, "p4_2", (Conv){.out = c.c4, .kernel = 1});

    Node joined = concat(g, "concat", (Node[]){p1, p2, p3, p4}, 4);
    graph_leave(g);
    return joined;
}

Node inception(Graph *g, Node x, const char *name, ModelOptions o, Inception own)
{
    return four_paths(g, x, name, block_channels(o, name, own), conv_relu);
}

Node inception_bn(Graph *g, Node x, const char *name, ModelOptions o, Inception own)
{
    return four_paths(g, x, name, block_channels(o, name, own), conv_bn_relu);
}
