/* core/models/googlenet_torchvision.c -- GoogLeNet as torchvision.models.googlenet has it in
 * evaluation: without the auxiliary heads, with batch normalisation, a 3 x 3 convolution where the
 * paper has a 5 x 5, pools that round up and a dropout. Names, layouts and shapes are those of its
 * state_dict(), so weights trained there load here; its published ones take pixels as
 * (x - 0.5) / 0.5, which is what its transform_input comes to.
 *
 * Sizes at the right are for a 3 x 224 x 224 image. */
#include "core/layers/concat.h"
#include "core/layers/dropout.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

static Node block(Graph *g, Node x, const char *name, ModelOptions o, Inception own)
{
    const Inception c = block_channels(o, name, own);
    graph_enter(g, name);
    Node b1 = basic_conv(g, x, "branch1", (Conv){.out = c.c1, .kernel = 1});

    Node b2 = basic_conv(g, x, "branch2.0", (Conv){.out = c.c2[0], .kernel = 1});
    b2 = basic_conv(g, b2, "branch2.1", (Conv){.out = c.c2[1], .kernel = 3, .pad = 1});

    Node b3 = basic_conv(g, x, "branch3.0", (Conv){.out = c.c3[0], .kernel = 1});
    b3 = basic_conv(g, b3, "branch3.1", (Conv){.out = c.c3[1], .kernel = 3, .pad = 1});

    Node b4 = max_pool(g, x, "branch4.0", (Pool){.kernel = 3, .pad = 1, .ceil = true});
    b4 = basic_conv(g, b4, "branch4.1", (Conv){.out = c.c4, .kernel = 1});

    Node joined = concat(g, "concat", (Node[]){b1, b2, b3, b4}, 4);
    graph_leave(g);
    return joined;
}

// clang-format off
Node googlenet_torchvision(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2, .ceil = true};

    x = basic_conv(g, x, "conv1", (Conv){.out = 64, .kernel = 7, .stride = 2, .pad = 3});
    x = max_pool(g, x, "maxpool1", halve);                                      //   64 x 56 x 56
    x = basic_conv(g, x, "conv2", (Conv){.out = 64, .kernel = 1});
    x = basic_conv(g, x, "conv3", (Conv){.out = 192, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "maxpool2", halve);                                      //  192 x 28 x 28

    x = block(g, x, "inception3a", o, (Inception){ 64, { 96, 128}, {16,  32},  32});
    x = block(g, x, "inception3b", o, (Inception){128, {128, 192}, {32,  96},  64});
    x = max_pool(g, x, "maxpool3", halve);                                      //  480 x 14 x 14

    x = block(g, x, "inception4a", o, (Inception){192, { 96, 208}, {16,  48},  64});
    x = block(g, x, "inception4b", o, (Inception){160, {112, 224}, {24,  64},  64});
    x = block(g, x, "inception4c", o, (Inception){128, {128, 256}, {24,  64},  64});
    x = block(g, x, "inception4d", o, (Inception){112, {144, 288}, {32,  64},  64});
    x = block(g, x, "inception4e", o, (Inception){256, {160, 320}, {32, 128}, 128});
    x = max_pool(g, x, "maxpool4", (Pool){.kernel = 2, .stride = 2, .ceil = true});  // 832 x 7 x 7

    x = block(g, x, "inception5a", o, (Inception){256, {160, 320}, {32, 128}, 128});
    x = block(g, x, "inception5b", o, (Inception){384, {192, 384}, {48, 128}, 128});
    x = global_avg_pool(g, x, "avgpool");                                       // 1024 x  1 x  1
    x = dropout(g, x, "dropout", (Dropout){.rate = 0.2F});
    return linear(g, x, "fc", (Linear){.out = o.classes});
}
// clang-format on
