#include "tests/core/net/norm_fixture.h"

#include <stdio.h>

#include "core/base/numbers/rng.h"
#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/train/init.h"
#include "tests/check.h"

static Node conv_norm_relu(Graph *g, Node x, const char *name, Conv c)
{
    graph_enter(g, name);
    c.no_bias = c.kernel != 3;  // one with a bias that the norm takes away again
    x = conv(g, x, "conv", c);
    x = batch_norm(g, x, "bn", (BatchNorm){.eps = 1e-3});
    x = relu(g, x, "relu");
    graph_leave(g);
    return x;
}

static Node block(Graph *g, Node x, const char *name)
{
    graph_enter(g, name);
    Node p1 = conv_norm_relu(g, x, "p1", (Conv){.out = 16, .kernel = 1});
    Node p2 = conv_norm_relu(g, x, "p2_1", (Conv){.out = 24, .kernel = 1});
    p2 = conv_norm_relu(g, p2, "p2_2", (Conv){.out = 32, .kernel = 3, .pad = 1});
    Node p3 = conv_norm_relu(g, x, "p3_1", (Conv){.out = 7, .kernel = 1});
    p3 = conv_norm_relu(g, p3, "p3_2", (Conv){.out = 16, .kernel = 5, .pad = 2});
    Node p4 = max_pool(g, x, "p4", (Pool){.kernel = 3, .stride = 1, .pad = 1});
    p4 = conv_norm_relu(g, p4, "p4_2", (Conv){.out = 16, .kernel = 1});
    x = concat(g, "concat", (Node[]){p1, p2, p3, p4}, 4);
    graph_leave(g);
    return x;
}

Graph *norm_graph(void)
{
    Error err = {0};
    Graph *g = graph_new((Shape){3, NORM_SIDE, NORM_SIDE});
    Node x = conv_norm_relu(g, graph_input(g), "0", (Conv){.out = 16, .kernel = 3, .pad = 1});
    x = max_pool(g, x, "pool", (Pool){.kernel = 3, .stride = 2, .pad = 1});
    x = block(g, x, "1");
    x = batch_norm(g, x, "between", (BatchNorm){.eps = 1e-3});  // of no convolution alone
    x = block(g, x, "2");
    x = global_avg_pool(g, x, "end");
    linear(g, x, "out", (Linear){.out = NORM_CLASSES});
    CHECK_OK(graph_check(g, &err), err);
    return g;
}

NormFixture norm_fixture_new(NetConfig config)
{
    Error err = {0};
    NormFixture f = {.graph = norm_graph()};
    CHECK_OK(params_new(f.graph, &f.params, &err), err);
    init_params(f.params, init_xavier_uniform, 5);
    Rng rng = rng_new(8, RNG_TEST, 0);
    for (int p = 0; p < f.params->param_count; p++) {
        const Param *param = &f.params->params[p];
        const bool small = param->role == ROLE_SHIFT || param->role == ROLE_MEAN;
        if (param->role == ROLE_WEIGHT || param->role == ROLE_BIAS || param->role == ROLE_COUNTER)
            continue;
        for (size_t i = 0; i < param->count; i++)
            f.params->values[param->offset + i] =
                (float)(small ? rng_uniform(&rng) - 0.5 : rng_uniform(&rng) + 0.5);
    }
    config.batch_size = NORM_BATCH;
    CHECK_OK(net_new(f.graph, f.params, config, &f.net, &err), err);
    const size_t count = NORM_BATCH * 3 * NORM_SIDE * NORM_SIDE;
    f.images = xcalloc(count, sizeof *f.images);
    for (size_t i = 0; i < count; i++)
        f.images[i] = (float)rng_uniform(&rng);
    for (int i = 0; i < NORM_BATCH; i++)
        f.labels[i] = (int32_t)rng_below(&rng, NORM_CLASSES);
    return f;
}

void norm_fixture_free(NormFixture *f)
{
    net_free(f->net);
    params_free(f->params);
    graph_free(f->graph);
    free(f->images);
}

Metrics norm_train(NormFixture *f, int count)
{
    Error err = {0};
    const NetBatch batch = {.images = f->images, .labels = f->labels, .count = count};
    Metrics sum = {0};
    CHECK_OK(net_train_batch(f->net, &batch, &sum, &err), err);
    return sum;
}
