#include "core/layers/relu.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)config, (void)src_count, (void)err;
    spec->dst = srcs[0];
    spec->backward_needs_dst = true;
    return true;
}

typedef struct {
    Op forward, backward;
} State;

static void destroy(Layer *l)
{
    State *s = l->state;
    if (!s)
        return;
    op_free(&s->forward);
    op_free(&s->backward);
    free(s);
}

static bool create_backward(Layer *l, State *s, Error *err)
{
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_eltwise_backward_primitive_desc_create(
        &desc, l->dnn->engine, dnnl_eltwise_relu_use_dst_for_bwd, l->diff_src[0]->desc,
        l->diff_dst[0]->desc, l->dst->desc, 0, 0, s->forward.desc, NULL);
    if (!op_new(&s->backward, l->dnn, "relu backward", status, desc, err))
        return false;
    op_arg(&s->backward, DNNL_ARG_DST, l->dst->memory);
    op_arg(&s->backward, DNNL_ARG_DIFF_DST, l->diff_dst[0]->memory);
    op_arg(&s->backward, DNNL_ARG_DIFF_SRC, l->diff_src[0]->memory);
    return true;
}

static bool create(Layer *l, Error *err)
{
    State *s = l->state = xcalloc(1, sizeof *s);
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_eltwise_forward_primitive_desc_create(
        &desc, l->dnn->engine, l->training ? dnnl_forward_training : dnnl_forward_inference,
        dnnl_eltwise_relu_use_dst_for_bwd, l->src[0]->desc, l->dst->desc, 0, 0, NULL);
    if (!op_new(&s->forward, l->dnn, "relu forward", status, desc, err))
        return false;
    op_arg(&s->forward, DNNL_ARG_SRC, l->src[0]->memory);
    op_arg(&s->forward, DNNL_ARG_DST, l->dst->memory);
    return !l->training || !l->diff_src[0] || create_backward(l, s, err);
}

static bool forward(Layer *l, Error *err)
{
    const State *s = l->state;
    return op_run(&s->forward, err);
}

static bool backward_data(Layer *l, Error *err)
{
    const State *s = l->state;
    return op_run(&s->backward, err);
}

static const LayerOps OPS = {
    .create = create, .forward = forward, .backward_data = backward_data, .destroy = destroy};

const LayerType RELU = {.name = "relu", .describe = describe, .ops = &OPS};

Node relu(Graph *g, Node src, const char *name)
{
    return graph_add(g, name, &RELU, NULL, &src, 1);
}
