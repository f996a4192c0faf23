#include "core/layers/add.h"

#include <math.h>

#include "core/kernels/scaled_sum.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Add *c = config;
    const Shape a = srcs[0], b = srcs[1];
    if (!isfinite(c->scale))
        return fail(err, ERR_INVALID, "scale must be a finite number, got %g", (double)c->scale);
    if (!shape_equal(a, b))
        return fail(err, ERR_INVALID, "cannot add maps of %d x %d x %d and %d x %d x %d",
                    a.channels, a.height, a.width, b.channels, b.height, b.width);
    spec->dst = a;
    spec->backward_needs_dst = c->relu;
    return true;
}

static ScaledSum sum_of(const Layer *l)
{
    const Add *c = l->node->config;
    return (ScaledSum){.scale = c->scale, .relu = c->relu};
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    scaled_sum_forward(sum_of(l), l->dst, l->src);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    scaled_sum_backward(sum_of(l), l->diff_src, l->diff_dst[0], l->dst);
    return true;
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_data = backward_data,
};

const LayerType ADD = {
    .name = "add", .config_bytes = sizeof(Add), .describe = describe, .ops = &OPS};

Node add(Graph *g, Node first, Node second, const char *name, Add c)
{
    if (c.scale == 0)
        c.scale = 1;
    return graph_add(g, name, &ADD, &c, (Node[]){first, second}, 2);
}
