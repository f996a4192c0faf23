#include "core/layers/fork.h"

#include "core/kernels/sum.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)config, (void)src_count, (void)err;
    spec->dst = srcs[0];
    spec->dst_is_src = true;
    return true;
}

static bool create(Layer *l, Error *err)
{
    (void)l, (void)err;
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
    sum_tensors(l->diff_src[0], l->diff_dst, l->diff_dst_count);
    return true;
}

static void destroy(Layer *l)
{
    (void)l;
}

static const LayerOps OPS = {
    .create = create, .forward = forward, .backward_data = backward_data, .destroy = destroy};

const LayerType FORK = {.name = "fork", .describe = describe, .ops = &OPS};

Node fork_value(Graph *g, Node src, const char *name)
{
    return graph_add(g, name, &FORK, NULL, &src, 1);
}
