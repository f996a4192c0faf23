#include "core/layers/pooling.h"

#include <stdlib.h>

#include "core/base/memory.h"

typedef struct {
    Op forward, backward;
} State;

/* What describes the window to oneDNN. */
typedef struct {
    dnnl_dims_t kernel, strides, pads, dense;
} Dims;

static Dims dims_of(const Window *w)
{
    return (Dims){.kernel = {w->kernel, w->kernel_w},
                  .strides = {w->stride, w->stride_w},
                  .pads = {w->pad, w->pad_w}};
}

static bool create_backward(Layer *l, dnnl_alg_kind_t algorithm, const Dims *d, Error *err)
{
    State *s = l->state;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_pooling_backward_primitive_desc_create(
        &desc, l->dnn->engine, algorithm, l->diff_src[0]->desc, l->diff_dst[0]->desc, d->strides,
        d->kernel, d->dense, d->pads, d->pads, s->forward.desc, NULL);
    if (!op_new(&s->backward, l->dnn, "pooling backward", status, desc, err))
        return false;
    op_arg(&s->backward, DNNL_ARG_DIFF_DST, l->diff_dst[0]->memory);
    op_arg(&s->backward, DNNL_ARG_DIFF_SRC, l->diff_src[0]->memory);
    return true;
}

bool pooling_create(Layer *l, dnnl_alg_kind_t algorithm, const Window *w, Error *err)
{
    const Dims d = dims_of(w);
    State *s = l->state = xcalloc(1, sizeof *s);
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_pooling_forward_primitive_desc_create(
        &desc, l->dnn->engine, l->training ? dnnl_forward_training : dnnl_forward_inference,
        algorithm, l->src[0]->desc, l->dst->desc, d.strides, d.kernel, d.dense, d.pads, d.pads,
        NULL);
    if (!op_new(&s->forward, l->dnn, "pooling forward", status, desc, err))
        return false;
    op_arg(&s->forward, DNNL_ARG_SRC, l->src[0]->memory);
    op_arg(&s->forward, DNNL_ARG_DST, l->dst->memory);
    return !l->training || !l->diff_src[0] || create_backward(l, algorithm, &d, err);
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
