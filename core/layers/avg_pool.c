#include "core/layers/avg_pool.h"

#include "core/layers/pooling.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const AvgPool *p = config;
    return window_dst_pooled(&p->window, false, srcs[0], &spec->dst, err);
}

static bool create(Layer *l, Error *err)
{
    const AvgPool *p = l->node->config;
    return pooling_create(
        l, p->skip_pads ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_avg_include_padding,
        &p->window, err);
}

static const LayerOps OPS = {
    .create = create,
    .forward = pooling_forward,
    .backward_data = pooling_backward_data,
    .destroy = pooling_destroy,
};

const LayerType AVG_POOL = {
    .name = "avg_pool", .config_bytes = sizeof(AvgPool), .describe = describe, .ops = &OPS};

Node avg_pool(Graph *g, Node src, const char *name, AvgPool p)
{
    p.window = window_resolve(p.window);
    return graph_add(g, name, &AVG_POOL, &p, &src, 1);
}
