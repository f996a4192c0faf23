#include "core/layers/max_pool.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/kernels/max_pool_bf16.h"
#include "core/kernels/relu_mask.h"
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
    spec->backward_needs_dst = p->masked;
    return true;
}

static bool fits_16_bits(const Pool *p, int channels)
{
    return p->kernel == 3 && p->pad <= 1 && channels >= MAX_POOL_BF16_CHANNELS;
}

/* Whether it runs on our own kernel, which is faster where it fits; the library serves the rest. */
static bool in_16_bits(const Layer *l)
{
    return l->autotune && l->src[0]->type == dnnl_bf16 && l->dst->type == dnnl_bf16
           && fits_16_bits(l->node->config, l->dst->shape.channels);
}

size_t max_pool_place_bytes(const Pool *p, int channels, bool bf16)
{
    return bf16 && fits_16_bits(p, channels) ? sizeof(int16_t) : 1;  // oneDNN's is a byte
}

static bool create_16_bits(Layer *l, Error *err)
{
    const Pool *p = l->node->config;
    const Shape src = l->src[0]->shape, dst = l->dst->shape;
    MaxPoolBf16 *pool = l->state = xcalloc(1, sizeof *pool);
    *pool = (MaxPoolBf16){.batch = l->batch,
                          .channels = dst.channels,
                          .src_height = src.height,
                          .src_width = src.width,
                          .dst_height = dst.height,
                          .dst_width = dst.width,
                          .stride = p->stride,
                          .pad = p->pad};
    // A place takes 16 bits, as a number does.
    return !l->training || tensor_new(l->dnn, dst, l->batch, dnnl_bf16, &l->workspace, err);
}

static bool create(Layer *l, Error *err)
{
    const Pool *p = l->node->config;
    const PoolWindow window = {.algorithm = dnnl_pooling_max,
                               .kernel = {p->kernel, p->kernel},
                               .stride = p->stride,
                               .pad = p->pad};
    return in_16_bits(l) ? create_16_bits(l, err) : pooling_create(l, window, err);
}

static bool forward(Layer *l, Error *err)
{
    if (!in_16_bits(l))
        return pooling_forward(l, err);
    max_pool_bf16_forward(l->state, l->src[0]->data, l->dst->data,
                          l->workspace ? l->workspace->data : NULL);
    return true;
}

static bool backward_begin(Layer *l, Error *err)
{
    (void)err;
    const Pool *p = l->node->config;
    if (p->masked)
        relu_mask(l->diff_dst[0], l->dst);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    if (!in_16_bits(l))
        return pooling_backward_data(l, err);
    max_pool_bf16_backward(l->state, l->diff_dst[0]->data, l->workspace->data,
                           l->diff_src[0]->data);
    return true;
}

static void name_kernels(const Layer *l, const char *names[3])
{
    names[0] = names[1] = in_16_bits(l) ? "int16" : "oneDNN";
}

static void destroy(Layer *l)
{
    if (in_16_bits(l))
        free(l->state);
    else
        pooling_destroy(l);
}

static const LayerOps OPS = {
    .create = create,
    .forward = forward,
    .backward_begin = backward_begin,
    .backward_data = backward_data,
    .name_kernels = name_kernels,
    .destroy = destroy,
};

const LayerType MAX_POOL = {
    .name = "max_pool", .config_bytes = sizeof(Pool), .describe = describe, .ops = &OPS};

Node max_pool(Graph *g, Node src, const char *name, Pool p)
{
    if (p.stride == 0)
        p.stride = 1;
    return graph_add(g, name, &MAX_POOL, &p, &src, 1);
}
