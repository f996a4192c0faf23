#include "core/layers/global_avg_pool.h"

#include "core/layers/pooling.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)config, (void)src_count, (void)err;
    spec->dst = (Shape){srcs[0].channels, 1, 1};
    return true;
}

static bool create(Layer *l, Error *err)
{
    const Shape src = l->src[0]->shape;
    const Window whole = window_resolve((Window){.kernel = src.height, .kernel_w = src.width});
    return pooling_create(l, dnnl_pooling_avg_exclude_padding, &whole, err);
}

static const LayerOps OPS = {
    .create = create,
    .forward = pooling_forward,
    .backward_data = pooling_backward_data,
    .destroy = pooling_destroy,
};

const LayerType GLOBAL_AVG_POOL = {.name = "global_avg_pool", .describe = describe, .ops = &OPS};

Node global_avg_pool(Graph *g, Node src, const char *name)
{
    return graph_add(g, name, &GLOBAL_AVG_POOL, NULL, &src, 1);
}
