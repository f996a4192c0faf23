/* core/layers/conv_onednn.c -- convolutions by oneDNN's primitives; see conv_kernel.h. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/dnn/packed.h"
#include "core/kernels/relu.h"
#include "core/layers/conv_kernel.h"

/* The descriptions that primitives are made from. */
typedef struct {
    dnnl_memory_desc_t plain_weights;     // OIHW float32, as in the store
    dnnl_memory_desc_t any_weights;       // src's type, in a layout for the primitive to choose
    dnnl_memory_desc_t any_diff_weights;  // float32, in a layout for the primitive to choose
    dnnl_memory_desc_t bias;
    dnnl_primitive_desc_t forward;  // backward primitives take it as a hint
} Descs;

typedef struct {
    const ConvTask *task;
    Descs descs;
    Op op;
    // Forward and backward data.
    SharedPack *pack;
    Packed weights;  // in the pack
    dnnl_memory_t bias;
    // Backward weights.
    PackedGrad weights_grad, bias_grad;
} State;

static bool supports(const ConvKernel *k, const ConvProblem *p)
{
    (void)k, (void)p;
    return true;
}

/* ---- Descriptions ---- */

static bool describe_params(Descs *d, const ConvTask *t, Error *err)
{
    const ConvProblem *p = &t->problem;
    const dnnl_dims_t weights = {p->out, p->in, p->kernel_h, p->kernel_w}, bias = {p->out};
    const dnnl_data_type_t type = p->src_bf16 ? dnnl_bf16 : dnnl_f32;
    return dnn_try(
               dnnl_memory_desc_create_with_tag(&d->plain_weights, 4, weights, dnnl_f32, dnnl_oihw),
               "describe weights", err)
           && dnn_try(dnnl_memory_desc_create_with_tag(&d->any_weights, 4, weights, type,
                                                       dnnl_format_tag_any),
                      "describe weights", err)
           && dnn_try(dnnl_memory_desc_create_with_tag(&d->any_diff_weights, 4, weights, dnnl_f32,
                                                       dnnl_format_tag_any),
                      "describe weights", err)
           && dnn_try(dnnl_memory_desc_create_with_tag(&d->bias, 1, bias, dnnl_f32, dnnl_a),
                      "describe a bias", err);
}

/* What of the problem oneDNN takes as it is. */
typedef struct {
    dnnl_dims_t strides, pads;
} Window;

static Window window_of(const ConvProblem *p)
{
    return (Window){{p->stride_h, p->stride_w}, {p->pad_h, p->pad_w}};
}

static bool describe_forward(Descs *d, const ConvTask *t, Error *err)
{
    const Window w = window_of(&t->problem);
    const dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
        &d->forward, t->dnn->engine, t->training ? dnnl_forward_training : dnnl_forward_inference,
        dnnl_convolution_direct, t->src->desc, d->any_weights, t->bias ? d->bias : NULL,
        t->dst->desc, w.strides, NULL, w.pads, w.pads, NULL);
    return dnn_try(status, "conv forward", err);
}

static void descs_free(Descs *d)
{
    const dnnl_memory_desc_t all[] = {d->plain_weights, d->any_weights, d->any_diff_weights,
                                      d->bias};
    for (size_t i = 0; i < COUNT(all); i++) {
        if (all[i])
            dnnl_memory_desc_destroy(all[i]);
    }
    if (d->forward)
        dnnl_primitive_desc_destroy(d->forward);
}

/* ---- Forward and backward data ---- */

/* The weights in the layout that the primitive wants; directions and programs that want the same
 * one share it. */
static bool create_pack(State *s, Error *err)
{
    const ConvTask *t = s->task;
    const_dnnl_memory_desc_t wanted = op_desc(&s->op, dnnl_query_weights_md);
    s->pack = shared_pack(t->shared, (SharedPackKey){t->weights, &CONV_ONEDNN, 0, wanted},
                          dnnl_memory_desc_get_size(wanted), err);
    return s->pack
           && packed_new(&s->weights, t->dnn,
                         (PackedSpec){t->weights, s->descs.plain_weights, wanted, s->pack->data},
                         err);
}

static bool create_forward(State *s, Error *err)
{
    const ConvTask *t = s->task;
    dnnl_primitive_desc_t desc = s->descs.forward;
    s->descs.forward = NULL;  // op_new takes it over
    if (!op_new(&s->op, t->dnn, "conv forward", dnnl_success, desc, err) || !create_pack(s, err)
        || (t->bias
            && !dnn_try(
                dnnl_memory_create(&s->bias, s->descs.bias, t->dnn->engine, (void *)t->bias),
                "wrap a bias", err)))
        return false;
    op_arg(&s->op, DNNL_ARG_SRC, t->src->memory);
    op_arg(&s->op, DNNL_ARG_WEIGHTS, s->weights.packed->memory);
    if (s->bias)
        op_arg(&s->op, DNNL_ARG_BIAS, s->bias);
    op_arg(&s->op, DNNL_ARG_DST, t->dst->memory);
    return true;
}

static bool create_backward_data(State *s, Error *err)
{
    const ConvTask *t = s->task;
    const Window w = window_of(&t->problem);
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_convolution_backward_data_primitive_desc_create(
        &desc, t->dnn->engine, dnnl_convolution_direct, t->diff_src->desc, s->descs.any_weights,
        t->diff_dst->desc, w.strides, NULL, w.pads, w.pads, s->descs.forward, NULL);
    if (!op_new(&s->op, t->dnn, "conv backward data", status, desc, err) || !create_pack(s, err))
        return false;
    op_arg(&s->op, DNNL_ARG_DIFF_DST, t->diff_dst->memory);
    op_arg(&s->op, DNNL_ARG_WEIGHTS, s->weights.packed->memory);
    op_arg(&s->op, DNNL_ARG_DIFF_SRC, t->diff_src->memory);
    return true;
}

static bool load_params(void *state, bool again, Error *err)
{
    State *s = state;
    return !s->pack || !shared_pack_is_due(s->task->shared, s->pack, again)
           || packed_load(&s->weights, err);
}

/* ---- Backward weights ---- */

static bool create_backward_weights(State *s, Error *err)
{
    const ConvTask *t = s->task;
    const Window w = window_of(&t->problem);
    dnnl_primitive_attr_t attr = op_attr_new((OpAttr){.deterministic = true}, err);
    if (!attr)
        return false;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_convolution_backward_weights_primitive_desc_create(
        &desc, t->dnn->engine, dnnl_convolution_direct, t->src->desc, s->descs.any_diff_weights,
        t->bias_grad ? s->descs.bias : NULL, t->diff_dst->desc, w.strides, NULL, w.pads, w.pads,
        s->descs.forward, attr);
    dnnl_primitive_attr_destroy(attr);
    if (!op_new(&s->op, t->dnn, "conv backward weights", status, desc, err)
        || !packed_grad_new(&s->weights_grad, t->dnn, t->weights_grad, s->descs.plain_weights,
                            op_desc(&s->op, dnnl_query_diff_weights_md), err)
        || (t->bias_grad
            && !packed_grad_new(&s->bias_grad, t->dnn, t->bias_grad, s->descs.bias, s->descs.bias,
                                err)))
        return false;
    op_arg(&s->op, DNNL_ARG_SRC, t->src->memory);
    op_arg(&s->op, DNNL_ARG_DIFF_DST, t->diff_dst->memory);
    op_arg(&s->op, DNNL_ARG_DIFF_WEIGHTS, s->weights_grad.packed->memory);
    if (t->bias_grad)
        op_arg(&s->op, DNNL_ARG_DIFF_BIAS, s->bias_grad.packed->memory);
    return true;
}

static bool store_grads(const State *s, Error *err)
{
    const ConvTask *t = s->task;
    GradAccumulators *g = t->shared->grads;
    return packed_grad_store(&s->weights_grad, grad_accumulators_add(g, t->weights_grad), err)
           && (!t->bias_grad
               || packed_grad_store(&s->bias_grad, grad_accumulators_add(g, t->bias_grad), err));
}

/* ---- */

static bool create(const ConvKernel *k, const ConvTask *task, void **state, Error *err)
{
    (void)k;
    static bool (*const CREATE[CONV_DIRECTIONS])(State *, Error *) = {
        [CONV_FORWARD] = create_forward,
        [CONV_BACKWARD_DATA] = create_backward_data,
        [CONV_BACKWARD_WEIGHTS] = create_backward_weights,
    };
    State *s = *state = xcalloc(1, sizeof *s);
    s->task = task;
    return describe_params(&s->descs, task, err) && describe_forward(&s->descs, task, err)
           && CREATE[task->problem.direction](s, err);
}

/* oneDNN could apply the ReLU itself, but would turn NaNs to 0. */
static bool run(void *state, Error *err)
{
    const State *s = state;
    const ConvTask *t = s->task;
    if (!op_run(&s->op, err))
        return false;
    if (t->problem.relu)
        relu_forward(t->dst, t->dst);
    return t->problem.direction != CONV_BACKWARD_WEIGHTS || store_grads(s, err);
}

static void destroy(void *state)
{
    State *s = state;
    if (!s)
        return;
    op_free(&s->op);
    packed_free(&s->weights);
    shared_pack_release(s->task->shared, s->pack);
    if (s->bias)
        dnnl_memory_destroy(s->bias);
    packed_grad_free(&s->weights_grad);
    packed_grad_free(&s->bias_grad);
    descs_free(&s->descs);
    free(s);
}

const ConvKernelOps CONV_ONEDNN = {.supports = supports,
                                   .create = create,
                                   .load_params = load_params,
                                   .run = run,
                                   .destroy = destroy};
