#include "core/layers/linear.h"

#include "core/layers/weighted.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Linear *c = config;
    if (c->out < 1)
        return fail(err, ERR_INVALID, "outputs must be 1 or more, got %d", c->out);
    const int in = (int)shape_count(srcs[0]);
    spec->dst = (Shape){c->out, 1, 1};
    spec->params[0] = (ParamSpec){
        .name = "weight", .dims = {c->out, in}, .dim_count = 2, .fan_in = in, .fan_out = c->out};
    spec->params[1] = (ParamSpec){.name = "bias",
                                  .role = ROLE_BIAS,
                                  .dims = {c->out},
                                  .dim_count = 1,
                                  .fan_in = in,
                                  .fan_out = c->out};
    spec->param_count = c->no_bias ? 1 : 2;
    spec->multiply_adds = (int64_t)in * c->out;
    spec->backward_needs_src = true;
    return true;
}

/* The N x O view of a tensor that has one pixel an image, as inner_product wants it. */
static bool flat_desc(const Tensor *t, dnnl_memory_desc_t *desc, Error *err)
{
    const dnnl_dims_t dims = {t->batch, t->shape.channels};
    return dnn_try(dnnl_memory_desc_create_with_tag(desc, 2, dims, t->type, dnnl_ab),
                   "describe a linear layer's result", err);
}

static bool create_primitives(Layer *l, const_dnnl_memory_desc_t dst,
                              const_dnnl_memory_desc_t diff_dst, Error *err)
{
    const Weighted *w = l->state;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status = dnnl_inner_product_forward_primitive_desc_create(
        &desc, l->dnn->engine, l->training ? dnnl_forward_training : dnnl_forward_inference,
        l->src[0]->desc, w->any_weights, w->bias_desc, dst, NULL);
    if (!weighted_set_forward(l, "linear forward", status, desc, err))
        return false;
    if (!l->training)
        return true;

    dnnl_primitive_attr_t attr = op_attr_new((OpAttr){.deterministic = true}, err);
    if (!attr)
        return false;
    status = dnnl_inner_product_backward_weights_primitive_desc_create(
        &desc, l->dnn->engine, l->src[0]->desc, w->any_diff_weights, w->bias_desc, diff_dst,
        w->forward.desc, attr);
    dnnl_primitive_attr_destroy(attr);
    if (!weighted_set_backward_weights(l, "linear backward weights", status, desc, err))
        return false;
    if (!l->diff_src[0])
        return true;

    status = dnnl_inner_product_backward_data_primitive_desc_create(
        &desc, l->dnn->engine, l->diff_src[0]->desc, w->any_weights, diff_dst, w->forward.desc,
        NULL);
    return weighted_set_backward_data(l, "linear backward data", status, desc, err);
}

static bool create(Layer *l, Error *err)
{
    const Shape src = l->src[0]->shape;
    dnnl_memory_desc_t dst = NULL, diff_dst = NULL;
    const bool ok = weighted_new(l, sizeof(Weighted), src.channels, src.height, src.width, err)
                    && flat_desc(l->dst, &dst, err)
                    && (!l->training || flat_desc(l->diff_dst[0], &diff_dst, err))
                    && create_primitives(l, dst, diff_dst, err);
    if (dst)
        dnnl_memory_desc_destroy(dst);
    if (diff_dst)
        dnnl_memory_desc_destroy(diff_dst);
    return ok;
}

static const LayerOps OPS = {
    .create = create,
    .load_params = weighted_load_params,
    .forward = weighted_forward,
    .backward_weights = weighted_backward_weights,
    .backward_data = weighted_backward_data,
    .destroy = weighted_destroy,
    .sums_in_f32 = true,
};

const LayerType LINEAR = {
    .name = "linear", .config_bytes = sizeof(Linear), .describe = describe, .ops = &OPS};

Node linear(Graph *g, Node src, const char *name, Linear c)
{
    return graph_add(g, name, &LINEAR, &c, &src, 1);
}
