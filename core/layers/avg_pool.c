#include "core/layers/avg_pool.h"

#include "core/layers/pooling.h"

static Window window_of(const AvgPool *p)
{
    return (Window){.kernel = {p->kernel, p->kernel_w},
                    .stride = {p->stride, p->stride_w},
                    .pad = {p->pad, p->pad_w}};
}

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Window w = window_of(config);
    return window_dst(&w, srcs[0], &spec->dst, err);
}

static bool create(Layer *l, Error *err)
{
    const AvgPool *p = l->node->config;
    return pooling_create(
        l, p->skip_pads ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_avg_include_padding,
        window_of(p), err);
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
    if (p.kernel_w == 0) {
        p.kernel_w = p.kernel;
        p.stride_w = p.stride;
        p.pad_w = p.pad;
    }
    p.stride = p.stride == 0 ? 1 : p.stride;
    p.stride_w = p.stride_w == 0 ? 1 : p.stride_w;
    return graph_add(g, name, &AVG_POOL, &p, &src, 1);
}
