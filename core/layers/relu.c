#include "core/layers/relu.h"

#include "core/kernels/relu.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)config, (void)src_count, (void)err;
    spec->dst = srcs[0];
    spec->backward_needs_dst = true;
    return true;
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    relu_forward(l->dst, l->src[0]);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    relu_mask(l->diff_src[0], l->diff_dst[0], l->dst);
    return true;
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_data = backward_data,
    .strided_src = true,
    .strided_dst = true,
};

const LayerType RELU = {.name = "relu", .describe = describe, .ops = &OPS};

Node relu(Graph *g, Node src, const char *name)
{
    return graph_add(g, name, &RELU, NULL, &src, 1);
}
