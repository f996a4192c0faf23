#include "core/layers/conv.h"

#include "core/kernels/relu_mask.h"
#include "core/layers/weighted.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Conv *c = config;
    const Shape src = srcs[0];
    if (c->out < 1)
        return fail(err, ERR_INVALID, "output channels must be 1 or more, got %d", c->out);
    if (c->kernel < 1)
        return fail(err, ERR_INVALID, "kernel must be 1 or more, got %d", c->kernel);
    if (c->stride < 1)
        return fail(err, ERR_INVALID, "stride must be 1 or more, got %d", c->stride);
    if (c->pad < 0)
        return fail(err, ERR_INVALID, "pad must be 0 or more, got %d", c->pad);
    if (c->kernel > src.height + 2 * c->pad || c->kernel > src.width + 2 * c->pad)
        return fail(err, ERR_INVALID, "kernel %d is larger than the padded image of %d x %d",
                    c->kernel, src.height + 2 * c->pad, src.width + 2 * c->pad);
    const int taps = c->kernel * c->kernel;
    spec->dst = (Shape){c->out, (src.height + 2 * c->pad - c->kernel) / c->stride + 1,
                        (src.width + 2 * c->pad - c->kernel) / c->stride + 1};
    spec->params[0] = (ParamSpec){.name = "weight",
                                  .dims = {c->out, src.channels, c->kernel, c->kernel},
                                  .dim_count = 4,
                                  .fan_in = src.channels * taps,
                                  .fan_out = c->out * taps};
    spec->params[1] = (ParamSpec){.name = "bias",
                                  .dims = {c->out},
                                  .dim_count = 1,
                                  .fan_in = src.channels * taps,
                                  .fan_out = c->out * taps};
    spec->param_count = 2;
    spec->multiply_adds = (int64_t)shape_count(spec->dst) * src.channels * taps;
    spec->backward_needs_src = true;
    spec->backward_needs_dst = c->relu;
    return true;
}

static bool create(Layer *l, Error *err)
{
    const Conv *c = l->node->config;
    if (!weighted_new(l, l->src[0]->shape.channels, c->kernel, c->kernel, err))
        return false;
    const Weighted *w = l->state;
    const dnnl_dims_t strides = {c->stride, c->stride}, pads = {c->pad, c->pad};
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    dnnl_primitive_attr_t attr = op_attr_new((OpAttr){.relu = c->relu}, err);
    if (!attr)
        return false;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
        &desc, l->dnn->engine, l->training ? dnnl_forward_training : dnnl_forward_inference, direct,
        l->src[0]->desc, w->any_weights, w->bias_desc, l->dst->desc, strides, NULL, pads, pads,
        attr);
    dnnl_primitive_attr_destroy(attr);
    if (!weighted_set_forward(l, "conv forward", status, desc, err))
        return false;
    if (!l->training)
        return true;

    if (!(attr = op_attr_new((OpAttr){.deterministic = true}, err)))
        return false;
    status = dnnl_convolution_backward_weights_primitive_desc_create(
        &desc, l->dnn->engine, direct, l->src[0]->desc, w->any_diff_weights, w->bias_desc,
        l->diff_dst[0]->desc, strides, NULL, pads, pads, w->forward.desc, attr);
    dnnl_primitive_attr_destroy(attr);
    if (!weighted_set_backward_weights(l, "conv backward weights", status, desc, err))
        return false;
    if (!l->diff_src[0])
        return true;

    status = dnnl_convolution_backward_data_primitive_desc_create(
        &desc, l->dnn->engine, direct, l->diff_src[0]->desc, w->any_weights, l->diff_dst[0]->desc,
        strides, NULL, pads, pads, w->forward.desc, NULL);
    return weighted_set_backward_data(l, "conv backward data", status, desc, err);
}

static bool backward_begin(Layer *l, Error *err)
{
    (void)err;
    const Conv *c = l->node->config;
    if (c->relu)
        relu_mask(l->diff_dst[0], l->dst);
    return true;
}

static const LayerOps OPS = {
    .create = create,
    .load_params = weighted_load_params,
    .forward = weighted_forward,
    .backward_begin = backward_begin,
    .backward_weights = weighted_backward_weights,
    .backward_data = weighted_backward_data,
    .destroy = weighted_destroy,
};

const LayerType CONV = {
    .name = "conv", .config_bytes = sizeof(Conv), .describe = describe, .ops = &OPS};

Node conv(Graph *g, Node src, const char *name, Conv c)
{
    if (c.stride == 0)
        c.stride = 1;
    return graph_add(g, name, &CONV, &c, &src, 1);
}
