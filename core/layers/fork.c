#include "core/layers/fork.h"

#include <assert.h>

#include "core/kernels/sum.h"
#include "core/layers/layer.h"

static_assert((int)GRAPH_MAX_READERS <= (int)SUM_MAX_SRCS, "a fork adds up what its readers give");

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count, (void)err;
    const Fork *f = config;
    spec->dst = srcs[0];
    spec->backward_needs_dst = f->relu_mask;
    spec->dst_is_src = true;
    return true;
}

static bool forward(Layer *l, Error *err)
{
    (void)l, (void)err;
    return true;  // dst is src
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    const Fork *f = l->node->config;
    sum_tensors(l->diff_src[0], l->diff_dst, l->diff_dst_count, f->relu_mask ? l->dst : NULL);
    return true;
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_data = backward_data,
    .strided_src = true,
    .strided_dst = true,
};

const LayerType FORK = {
    .name = "fork", .config_bytes = sizeof(Fork), .describe = describe, .ops = &OPS};

Node fork_value(Graph *g, Node src, const char *name, Fork f)
{
    return graph_add(g, name, &FORK, &f, &src, 1);
}
