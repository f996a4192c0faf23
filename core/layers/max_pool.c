#include "core/layers/max_pool.h"

#include "core/layers/layer.h"
#include "core/layers/pooling.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Pool *p = config;
    const Shape src = srcs[0];
    if (p->kernel < 1)
        return fail(err, ERR_INVALID, "kernel must be 1 or more, got %d", p->kernel);
    if (p->stride < 1)
        return fail(err, ERR_INVALID, "stride must be 1 or more, got %d", p->stride);
    if (p->pad < 0 || 2 * p->pad > p->kernel)
        return fail(err, ERR_INVALID, "pad must be 0 to half the kernel of %d, got %d", p->kernel,
                    p->pad);
    if (p->kernel > src.height + 2 * p->pad || p->kernel > src.width + 2 * p->pad)
        return fail(err, ERR_INVALID, "kernel %d is larger than the padded image of %d x %d",
                    p->kernel, src.height + 2 * p->pad, src.width + 2 * p->pad);
    spec->dst = (Shape){src.channels, (src.height + 2 * p->pad - p->kernel) / p->stride + 1,
                        (src.width + 2 * p->pad - p->kernel) / p->stride + 1};
    return true;
}

static bool create(Layer *l, Error *err)
{
    const Pool *p = l->node->config;
    const PoolWindow window = {.algorithm = dnnl_pooling_max,
                               .kernel = {p->kernel, p->kernel},
                               .stride = p->stride,
                               .pad = p->pad};
    return pooling_create(l, window, err);
}

static const LayerOps OPS = {
    .create = create,
    .forward = pooling_forward,
    .backward_data = pooling_backward_data,
    .destroy = pooling_destroy,
};

const LayerType MAX_POOL = {
    .name = "max_pool", .config_bytes = sizeof(Pool), .describe = describe, .ops = &OPS};

Node max_pool(Graph *g, Node src, const char *name, Pool p)
{
    if (p.stride == 0)
        p.stride = 1;
    return graph_add(g, name, &MAX_POOL, &p, &src, 1);
}
