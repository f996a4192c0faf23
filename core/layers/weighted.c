#include "core/layers/weighted.h"

#include <stdlib.h>

#include "core/base/memory.h"

static bool has_bias(const Layer *l)
{
    return l->node->spec.param_count > BIAS;
}

bool weighted_new(Layer *l, size_t state_bytes, int in, int height, int width, Error *err)
{
    Weighted *w = l->state = xcalloc(1, state_bytes);
    const int out = l->dst->shape.channels;
    const dnnl_dims_t weights = {out, in, height, width}, bias = {out};
    const dnnl_data_type_t type = l->src[0]->type;
    return dnn_try(
               dnnl_memory_desc_create_with_tag(&w->plain_weights, 4, weights, dnnl_f32, dnnl_oihw),
               "describe weights", err)
           && dnn_try(dnnl_memory_desc_create_with_tag(&w->any_weights, 4, weights, type,
                                                       dnnl_format_tag_any),
                      "describe weights", err)
           && dnn_try(dnnl_memory_desc_create_with_tag(&w->any_diff_weights, 4, weights, dnnl_f32,
                                                       dnnl_format_tag_any),
                      "describe weights", err)
           && (!has_bias(l)
               || dnn_try(
                   dnnl_memory_desc_create_with_tag(&w->bias_desc, 1, bias, dnnl_f32, dnnl_a),
                   "describe a bias", err));
}

void weighted_destroy(Layer *l)
{
    Weighted *w = l->state;
    if (!w)
        return;
    op_free(&w->forward);
    op_free(&w->backward_data);
    op_free(&w->backward_weights);
    packed_free(&w->weights);
    packed_free(&w->weights_backward);
    packed_free(&w->bias);
    packed_grad_free(&w->diff_weights);
    packed_grad_free(&w->diff_bias);
    dnnl_memory_desc_t descs[] = {w->plain_weights, w->any_weights, w->any_diff_weights,
                                  w->bias_desc};
    for (size_t i = 0; i < COUNT(descs); i++) {
        if (descs[i])
            dnnl_memory_desc_destroy(descs[i]);
    }
    free(w);
}

bool weighted_set_forward(Layer *l, const char *what, dnnl_status_t status,
                          dnnl_primitive_desc_t desc, Error *err)
{
    Weighted *w = l->state;
    if (!op_new(&w->forward, l->dnn, what, status, desc, err)
        || !packed_new(&w->weights, l->dnn,
                       (PackedSpec){.numbers = layer_values(l, WEIGHTS),
                                    .plain = w->plain_weights,
                                    .wanted = op_desc(&w->forward, dnnl_query_weights_md)},
                       err)
        || (has_bias(l)
            && !packed_new(&w->bias, l->dnn,
                           (PackedSpec){.numbers = layer_values(l, BIAS),
                                        .plain = w->bias_desc,
                                        .wanted = w->bias_desc},
                           err)))
        return false;
    op_arg(&w->forward, DNNL_ARG_SRC, l->src[0]->memory);
    op_arg(&w->forward, DNNL_ARG_WEIGHTS, w->weights.packed->memory);
    if (has_bias(l))
        op_arg(&w->forward, DNNL_ARG_BIAS, w->bias.packed->memory);
    op_arg(&w->forward, DNNL_ARG_DST, l->dst->memory);
    return true;
}

bool weighted_set_backward_data(Layer *l, const char *what, dnnl_status_t status,
                                dnnl_primitive_desc_t desc, Error *err)
{
    Weighted *w = l->state;
    if (!op_new(&w->backward_data, l->dnn, what, status, desc, err))
        return false;
    // Often both directions want the same layout; one copy serves them then.
    const_dnnl_memory_desc_t wanted = op_desc(&w->backward_data, dnnl_query_weights_md);
    const Tensor *weights = w->weights.packed;
    if (!dnnl_memory_desc_equal(wanted, weights->desc)) {
        if (!packed_new(&w->weights_backward, l->dnn,
                        (PackedSpec){.numbers = layer_values(l, WEIGHTS),
                                     .plain = w->plain_weights,
                                     .wanted = wanted},
                        err))
            return false;
        weights = w->weights_backward.packed;
    }
    op_arg(&w->backward_data, DNNL_ARG_DIFF_DST, l->diff_dst[0]->memory);
    op_arg(&w->backward_data, DNNL_ARG_WEIGHTS, weights->memory);
    op_arg(&w->backward_data, DNNL_ARG_DIFF_SRC, l->diff_src[0]->memory);
    return true;
}

bool weighted_set_backward_weights(Layer *l, const char *what, dnnl_status_t status,
                                   dnnl_primitive_desc_t desc, Error *err)
{
    Weighted *w = l->state;
    if (!op_new(&w->backward_weights, l->dnn, what, status, desc, err)
        || !packed_grad_new(&w->diff_weights, l->dnn, layer_grads(l, WEIGHTS), w->plain_weights,
                            op_desc(&w->backward_weights, dnnl_query_diff_weights_md), err)
        || (has_bias(l)
            && !packed_grad_new(&w->diff_bias, l->dnn, layer_grads(l, BIAS), w->bias_desc,
                                w->bias_desc, err)))
        return false;
    op_arg(&w->backward_weights, DNNL_ARG_SRC, l->src[0]->memory);
    op_arg(&w->backward_weights, DNNL_ARG_DIFF_DST, l->diff_dst[0]->memory);
    op_arg(&w->backward_weights, DNNL_ARG_DIFF_WEIGHTS, w->diff_weights.packed->memory);
    if (has_bias(l))
        op_arg(&w->backward_weights, DNNL_ARG_DIFF_BIAS, w->diff_bias.packed->memory);
    return true;
}

bool weighted_load_params(Layer *l, Error *err)
{
    const Weighted *w = l->state;
    const Packed *all[] = {&w->weights, &w->bias, &w->weights_backward};
    for (size_t i = 0; i < COUNT(all); i++) {
        if (all[i]->packed && !packed_load(all[i], err))
            return false;
    }
    return true;
}

bool weighted_forward(Layer *l, Error *err)
{
    const Weighted *w = l->state;
    return op_run(&w->forward, err);
}

bool weighted_backward_weights(Layer *l, Error *err)
{
    const Weighted *w = l->state;
    GradAccumulators *g = l->shared->grads;
    const bool add_weights = grad_accumulators_add(g, layer_grads(l, WEIGHTS));
    if (!op_run(&w->backward_weights, err)
        || !packed_grad_store(&w->diff_weights, add_weights, err))
        return false;
    return !has_bias(l)
           || packed_grad_store(&w->diff_bias, grad_accumulators_add(g, layer_grads(l, BIAS)), err);
}

bool weighted_backward_data(Layer *l, Error *err)
{
    const Weighted *w = l->state;
    return op_run(&w->backward_data, err);
}
