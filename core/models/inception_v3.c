/* core/models/inception_v3.c -- Inception v3, Szegedy et al. 2016, as
 * torchvision.models.inception_v3 has it in evaluation: without the auxiliary head. Names, layouts
 * and shapes are those of its state_dict(), so weights trained there load here; its published ones
 * take pixels as (x - 0.5) / 0.5, which is what its transform_input comes to.
 *
 * The blocks bear torchvision's letters; sizes at the right are for a 3 x 299 x 299 image. */
#include "core/layers/avg_pool.h"
#include "core/layers/concat.h"
#include "core/layers/dropout.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/models/all.h"
#include "core/models/blocks.h"

// clang-format off
static Conv c1x1(int out) { return (Conv){.out = out, .kernel = 1}; }
static Conv c3x3(int out) { return (Conv){.out = out, .kernel = 3, .pad = 1}; }
static Conv c5x5(int out) { return (Conv){.out = out, .kernel = 5, .pad = 2}; }
static Conv down(int out) { return (Conv){.out = out, .kernel = 3, .stride = 2}; }
static Conv c1xn(int out, int n) { return (Conv){.out = out, .kernel = 1, .kernel_w = n, .pad_w = n / 2}; }
static Conv cnx1(int out, int n) { return (Conv){.out = out, .kernel = n, .pad = n / 2, .kernel_w = 1}; }
// clang-format on

static Node pooled(Graph *g, Node x, int out)
{
    x = avg_pool(g, x, "pool", (AvgPool){.kernel = 3, .pad = 1});
    return basic_conv(g, x, "branch_pool", c1x1(out));
}

/* Joins the branches of the block that was entered, and leaves it. */
static Node leave(Graph *g, const Node *branches, int count)
{
    Node joined = concat(g, "concat", branches, count);
    graph_leave(g);
    return joined;
}

static Node block_a(Graph *g, Node x, const char *name, int pool)
{
    graph_enter(g, name);
    Node b1 = basic_conv(g, x, "branch1x1", c1x1(64));
    Node b5 = basic_conv(g, x, "branch5x5_1", c1x1(48));
    b5 = basic_conv(g, b5, "branch5x5_2", c5x5(64));
    Node b3 = basic_conv(g, x, "branch3x3dbl_1", c1x1(64));
    b3 = basic_conv(g, b3, "branch3x3dbl_2", c3x3(96));
    b3 = basic_conv(g, b3, "branch3x3dbl_3", c3x3(96));
    return leave(g, (Node[]){b1, b5, b3, pooled(g, x, pool)}, 4);
}

static Node block_b(Graph *g, Node x, const char *name)
{
    graph_enter(g, name);
    Node b3 = basic_conv(g, x, "branch3x3", down(384));
    Node bd = basic_conv(g, x, "branch3x3dbl_1", c1x1(64));
    bd = basic_conv(g, bd, "branch3x3dbl_2", c3x3(96));
    bd = basic_conv(g, bd, "branch3x3dbl_3", down(96));
    Node bp = max_pool(g, x, "pool", (Pool){.kernel = 3, .stride = 2});
    return leave(g, (Node[]){b3, bd, bp}, 3);
}

static Node block_c(Graph *g, Node x, const char *name, int c)
{
    graph_enter(g, name);
    Node b1 = basic_conv(g, x, "branch1x1", c1x1(192));
    Node b7 = basic_conv(g, x, "branch7x7_1", c1x1(c));
    b7 = basic_conv(g, b7, "branch7x7_2", c1xn(c, 7));
    b7 = basic_conv(g, b7, "branch7x7_3", cnx1(192, 7));
    Node bd = basic_conv(g, x, "branch7x7dbl_1", c1x1(c));
    bd = basic_conv(g, bd, "branch7x7dbl_2", cnx1(c, 7));
    bd = basic_conv(g, bd, "branch7x7dbl_3", c1xn(c, 7));
    bd = basic_conv(g, bd, "branch7x7dbl_4", cnx1(c, 7));
    bd = basic_conv(g, bd, "branch7x7dbl_5", c1xn(192, 7));
    return leave(g, (Node[]){b1, b7, bd, pooled(g, x, 192)}, 4);
}

static Node block_d(Graph *g, Node x, const char *name)
{
    graph_enter(g, name);
    Node b3 = basic_conv(g, x, "branch3x3_1", c1x1(192));
    b3 = basic_conv(g, b3, "branch3x3_2", down(320));
    Node b7 = basic_conv(g, x, "branch7x7x3_1", c1x1(192));
    b7 = basic_conv(g, b7, "branch7x7x3_2", c1xn(192, 7));
    b7 = basic_conv(g, b7, "branch7x7x3_3", cnx1(192, 7));
    b7 = basic_conv(g, b7, "branch7x7x3_4", down(192));
    Node bp = max_pool(g, x, "pool", (Pool){.kernel = 3, .stride = 2});
    return leave(g, (Node[]){b3, b7, bp}, 3);
}

static Node block_e(Graph *g, Node x, const char *name)
{
    graph_enter(g, name);
    Node b1 = basic_conv(g, x, "branch1x1", c1x1(320));
    Node b3 = basic_conv(g, x, "branch3x3_1", c1x1(384));
    Node b3a = basic_conv(g, b3, "branch3x3_2a", c1xn(384, 3));
    Node b3b = basic_conv(g, b3, "branch3x3_2b", cnx1(384, 3));
    Node bd = basic_conv(g, x, "branch3x3dbl_1", c1x1(448));
    bd = basic_conv(g, bd, "branch3x3dbl_2", c3x3(384));
    Node bda = basic_conv(g, bd, "branch3x3dbl_3a", c1xn(384, 3));
    Node bdb = basic_conv(g, bd, "branch3x3dbl_3b", cnx1(384, 3));
    return leave(g, (Node[]){b1, b3a, b3b, bda, bdb, pooled(g, x, 192)}, 6);
}

// clang-format off
Node inception_v3(Graph *g, Node x, ModelOptions o)
{
    const Pool halve = {.kernel = 3, .stride = 2};

    x = basic_conv(g, x, "Conv2d_1a_3x3", down(32));
    x = basic_conv(g, x, "Conv2d_2a_3x3", (Conv){.out = 32, .kernel = 3});
    x = basic_conv(g, x, "Conv2d_2b_3x3", c3x3(64));
    x = max_pool(g, x, "maxpool1", halve);                  //   64 x 73 x 73
    x = basic_conv(g, x, "Conv2d_3b_1x1", c1x1(80));
    x = basic_conv(g, x, "Conv2d_4a_3x3", (Conv){.out = 192, .kernel = 3});
    x = max_pool(g, x, "maxpool2", halve);                  //  192 x 35 x 35

    x = block_a(g, x, "Mixed_5b", 32);
    x = block_a(g, x, "Mixed_5c", 64);
    x = block_a(g, x, "Mixed_5d", 64);                      //  288 x 35 x 35
    x = block_b(g, x, "Mixed_6a");
    x = block_c(g, x, "Mixed_6b", 128);
    x = block_c(g, x, "Mixed_6c", 160);
    x = block_c(g, x, "Mixed_6d", 160);
    x = block_c(g, x, "Mixed_6e", 192);                     //  768 x 17 x 17
    x = block_d(g, x, "Mixed_7a");
    x = block_e(g, x, "Mixed_7b");
    x = block_e(g, x, "Mixed_7c");                          // 2048 x  8 x  8

    x = global_avg_pool(g, x, "avgpool");
    x = dropout(g, x, "dropout", (Dropout){.rate = 0.5F});
    return linear(g, x, "fc", (Linear){.out = o.classes});
}
// clang-format on
