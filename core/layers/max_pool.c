#include "core/layers/max_pool.h"

#include "core/kernels/max_pool.h"
#include "core/kernels/max_pool_bf16.h"
#include "core/kernels/relu.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Pool *p = config;
    if (!window_dst_pooled(&p->window, p->ceil, srcs[0], &spec->dst, err))
        return false;
    if (p->kernel > MAX_POOL_LARGEST / p->kernel_w)
        return fail(err, ERR_INVALID, "kernel must have at most %d pixels, got %d x %d",
                    MAX_POOL_LARGEST, p->kernel, p->kernel_w);
    spec->backward_needs_dst = p->relu_mask;
    return true;
}

/* Whether the window runs on the faster kernel of core/kernels/max_pool_bf16.h. */
static bool is_3x3_bf16(const Layer *l)
{
    const Pool *p = l->node->config;
    return l->src[0]->type == dnnl_bf16 && p->kernel == 3 && p->kernel_w == 3
           && p->stride == p->stride_w && p->pad == p->pad_w && p->pad <= 1
           && l->dst->shape.channels >= MAX_POOL_BF16_CHANNELS;
}

/* An argmax index for each number of dst. */
static size_t workspace_bytes(const GraphNode *node)
{
    return shape_count(node->spec.dst) * sizeof(uint16_t);
}

/* Forward with the values, backward with their gradients. */
static MaxPool any_window(const Layer *l, const Tensor *in, const Tensor *out)
{
    const Pool *p = l->node->config;
    const Shape src = l->src[0]->shape, dst = l->dst->shape;
    return (MaxPool){.bf16 = l->src[0]->type == dnnl_bf16,
                     .batch = l->batch,
                     .channels = dst.channels,
                     .src_height = src.height,
                     .src_width = src.width,
                     .dst_height = dst.height,
                     .dst_width = dst.width,
                     .kernel = {p->kernel, p->kernel_w},
                     .stride = {p->stride, p->stride_w},
                     .pad = {p->pad, p->pad_w},
                     .src_pixel = in->pixel_stride,
                     .dst_pixel = out->pixel_stride};
}

static MaxPoolBf16 window_3x3(const Layer *l, const Tensor *in, const Tensor *out)
{
    const Pool *p = l->node->config;
    const Shape src = l->src[0]->shape, dst = l->dst->shape;
    return (MaxPoolBf16){.batch = l->batch,
                         .channels = dst.channels,
                         .src_height = src.height,
                         .src_width = src.width,
                         .dst_height = dst.height,
                         .dst_width = dst.width,
                         .stride = p->stride,
                         .pad = p->pad,
                         .src_pixel = in->pixel_stride,
                         .dst_pixel = out->pixel_stride};
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    if (is_3x3_bf16(l)) {
        const MaxPoolBf16 pool = window_3x3(l, l->src[0], l->dst);
        max_pool_bf16_forward(&pool, l->src[0]->data, l->dst->data, l->workspace);
    } else {
        const MaxPool pool = any_window(l, l->src[0], l->dst);
        max_pool_forward(&pool, l->src[0]->data, l->dst->data, l->workspace);
    }
    return true;
}

static bool backward_begin(Layer *l, Error *err)
{
    (void)err;
    const Pool *p = l->node->config;
    if (p->relu_mask)
        relu_mask(l->diff_dst[0], l->diff_dst[0], l->dst);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    if (is_3x3_bf16(l)) {
        const MaxPoolBf16 pool = window_3x3(l, l->diff_src[0], l->diff_dst[0]);
        max_pool_bf16_backward(&pool, l->diff_dst[0]->data, l->workspace, l->diff_src[0]->data);
    } else {
        const MaxPool pool = any_window(l, l->diff_src[0], l->diff_dst[0]);
        max_pool_backward(&pool, l->diff_dst[0]->data, l->workspace, l->diff_src[0]->data);
    }
    return true;
}

static void name_kernels(const Layer *l, const char *names[3])
{
    names[0] = names[1] = is_3x3_bf16(l) ? "int16" : "vector";
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_begin = backward_begin,
    .backward_data = backward_data,
    .name_kernels = name_kernels,
    .workspace_bytes = workspace_bytes,
    .strided_src = true,
    .strided_dst = true,
};

const LayerType MAX_POOL = {
    .name = "max_pool", .config_bytes = sizeof(Pool), .describe = describe, .ops = &OPS};

Node max_pool(Graph *g, Node src, const char *name, Pool p)
{
    p.window = window_resolve(p.window);
    return graph_add(g, name, &MAX_POOL, &p, &src, 1);
}
