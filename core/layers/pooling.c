#include "core/layers/pooling.h"

#include <stdlib.h>

#include "core/base/memory.h"

typedef struct {
    Op forward, backward;
} State;

static bool create_backward(Layer *l, State *s, PoolWindow w, const dnnl_dims_t strides,
                            const dnnl_dims_t kernel, const dnnl_dims_t pads, Error *err)
{
    static const dnnl_dims_t DENSE = {0, 0};
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_pooling_backward_primitive_desc_create(
        &desc, l->dnn->engine, w.algorithm, l->diff_src[0]->desc, l->diff_dst[0]->desc, strides,
        kernel, DENSE, pads, pads, s->forward.desc, NULL);
    if (!op_new(&s->backward, l->dnn, "pooling backward", status, desc, err))
        return false;
    op_arg(&s->backward, DNNL_ARG_DIFF_DST, l->diff_dst[0]->memory);
    op_arg(&s->backward, DNNL_ARG_DIFF_SRC, l->diff_src[0]->memory);
    return true;
}

bool pooling_create(Layer *l, PoolWindow w, Error *err)
{
    static const dnnl_dims_t DENSE = {0, 0};
    const dnnl_dims_t strides = {w.stride, w.stride}, pads = {w.pad, w.pad};
    const dnnl_dims_t kernel = {w.kernel[0], w.kernel[1]};
    State *s = l->state = xcalloc(1, sizeof *s);
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_pooling_forward_primitive_desc_create(
        &desc, l->dnn->engine, l->training ? dnnl_forward_training : dnnl_forward_inference,
        w.algorithm, l->src[0]->desc, l->dst->desc, strides, kernel, DENSE, pads, pads, NULL);
    if (!op_new(&s->forward, l->dnn, "pooling forward", status, desc, err))
        return false;
    op_arg(&s->forward, DNNL_ARG_SRC, l->src[0]->memory);
    op_arg(&s->forward, DNNL_ARG_DST, l->dst->memory);
    return !l->training || !l->diff_src[0] || create_backward(l, s, w, strides, kernel, pads, err);
}

bool pooling_forward(Layer *l, Error *err)
{
    const State *s = l->state;
    return op_run(&s->forward, err);
}

bool pooling_backward_data(Layer *l, Error *err)
{
    const State *s = l->state;
    return op_run(&s->backward, err);
}

void pooling_destroy(Layer *l)
{
    State *s = l->state;
    if (!s)
        return;
    op_free(&s->forward);
    op_free(&s->backward);
    free(s);
}
