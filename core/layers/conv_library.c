#include "core/layers/conv_kernel.h"
#include "core/layers/weighted.h"

bool conv_library_create(Layer *l, size_t state_bytes, Error *err)
{
    const Conv *c = l->node->config;
    if (!weighted_new(l, state_bytes, l->src[0]->shape.channels, c->kernel, c->kernel, err))
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
