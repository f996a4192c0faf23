/* core/layers/conv/conv_onednn.c -- convolutions by oneDNN's primitives; see conv_kernel.h. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/dnn/packed.h"
#include "core/kernels/channels.h"
#include "core/kernels/conv/gemm.h"
#include "core/kernels/relu.h"
#include "core/layers/conv/conv_kernel.h"

/* DESIGN. oneDNN computes convolutions of views by its reference loop, which takes a thousand times
 * as long. Views are therefore copied into dense stand-ins before, and out of them after: they lie
 * in the memory that layers share, for as long as the run takes. */

/* The descriptions that primitives are made from. */
typedef struct {
    dnnl_memory_desc_t plain_weights;     // OIHW float32, as in the store
    dnnl_memory_desc_t any_weights;       // src's type, in a layout for the primitive to choose
    dnnl_memory_desc_t any_diff_weights;  // float32, in a layout for the primitive to choose
    dnnl_memory_desc_t bias;
    dnnl_primitive_desc_t forward;  // backward primitives take it as a hint
} Descs;

typedef struct {
    Tensor *map;    // of the task; NULL: the direction does without
    Tensor *dense;  // the same, or a stand-in for a view
} Map;

typedef struct {
    const ConvTask *task;
    Map src, dst, diff_src, diff_dst;
    Descs descs;
    Op op;
    // Forward and backward data.
    SharedPack *pack;
    Packed weights;  // in the pack
    dnnl_memory_t bias;
    // Backward weights.
    PackedGrad weights_grad, bias_grad;
} State;

/* DESIGN. Where a stride above 1 leaves a single column, oneDNN 3.7.2 with AMX reads memory that it
 * did not write: results and weights' gradients in bfloat16 are wrong by what happens to lie there
 * (pytorch/pytorch#169688 has it of 3.12). With a single column the stride means nothing, so a
 * stride of 1 is described instead, and as much padding at the right as leaves one column. Where
 * that would be less than none, others have to compute. Windows of one column are not concerned,
 * nor is backward data. */
static bool has_lone_column(const ConvProblem *p)
{
    return p->src_bf16 && p->dst_width == 1 && p->stride_w > 1 && p->kernel_w > 1;
}

static int lone_column_padding(const ConvProblem *p)
{
    return p->kernel_w - p->width - p->pad_w;
}

static bool supports(const ConvKernel *k, const ConvProblem *p)
{
    (void)k;
    return p->direction == CONV_BACKWARD_DATA || !has_lone_column(p) || lone_column_padding(p) >= 0
           || !gemm_tiles();
}

/* ---- Stand-ins ---- */

static bool is_view(const Map *m)
{
    return m->dense != m->map;
}

static bool map_new(Map *m, const ConvTask *t, Tensor *map, Error *err)
{
    *m = (Map){map, map};
    if (!map || tensor_is_dense(map))
        return true;
    m->dense = NULL;
    return tensor_new(t->dnn, map->shape, map->batch, map->type, &m->dense, err);
}

static void map_free(Map *m)
{
    if (is_view(m))
        tensor_free(m->dense);
}

/* Those that the direction reads and writes: the first is read, the second written, but read by
 * backward weights. */
static void used_maps(State *s, Map *used[2])
{
    const ConvDirection d = s->task->problem.direction;
    used[0] = d == CONV_BACKWARD_DATA ? &s->diff_dst : &s->src;
    used[1] = d == CONV_FORWARD ? &s->dst : d == CONV_BACKWARD_DATA ? &s->diff_src : &s->diff_dst;
}

static size_t room_for(const Map *m)
{
    return is_view(m) ? (m->dense->bytes + 63) / 64 * 64 : 0;
}

static bool create_maps(State *s, Error *err)
{
    const ConvTask *t = s->task;
    Map *used[2];
    used_maps(s, used);
    return map_new(&s->src, t, t->src, err) && map_new(&s->dst, t, t->dst, err)
           && map_new(&s->diff_src, t, t->diff_src, err)
           && map_new(&s->diff_dst, t, t->diff_dst, err)
           && shared_reserve(t->shared, room_for(used[0]) + room_for(used[1]), err);
}

static bool fill_stand_ins(State *s, Error *err)
{
    char *at = s->task->shared->scratch;
    Map *used[2];
    used_maps(s, used);
    for (int i = 0; i < 2; i++) {
        if (!is_view(used[i]))
            continue;
        if (!tensor_place(used[i]->dense, at, err))
            return false;
        at += room_for(used[i]);
        if (i == 0 || s->task->problem.direction == CONV_BACKWARD_WEIGHTS)
            copy_pixels(used[i]->dense, used[i]->map);
    }
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

typedef struct {
    dnnl_dims_t strides;
    dnnl_dims_t pads, pads_after;  // above and left, below and right
} OnednnWindow;

static OnednnWindow window_of(const ConvProblem *p)
{
    OnednnWindow w = {{p->stride_h, p->stride_w}, {p->pad_h, p->pad_w}, {p->pad_h, p->pad_w}};
    if (has_lone_column(p) && lone_column_padding(p) >= 0) {
        w.strides[1] = 1;
        w.pads_after[1] = lone_column_padding(p);
    }
    return w;
}

static bool describe_forward(State *s, Error *err)
{
    const ConvTask *t = s->task;
    Descs *d = &s->descs;
    const OnednnWindow w = window_of(&t->problem);
    const dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
        &d->forward, t->dnn->engine, t->training ? dnnl_forward_training : dnnl_forward_inference,
        dnnl_convolution_direct, s->src.dense->desc, d->any_weights, t->bias ? d->bias : NULL,
        s->dst.dense->desc, w.strides, NULL, w.pads, w.pads_after, NULL);
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
        || (t->bias && !dnn_wrap(t->dnn, t->bias, s->descs.bias, "wrap a bias", &s->bias, err)))
        return false;
    op_arg(&s->op, DNNL_ARG_SRC, s->src.dense->memory);
    op_arg(&s->op, DNNL_ARG_WEIGHTS, s->weights.packed->memory);
    if (s->bias)
        op_arg(&s->op, DNNL_ARG_BIAS, s->bias);
    op_arg(&s->op, DNNL_ARG_DST, s->dst.dense->memory);
    return true;
}

static bool create_backward_data(State *s, Error *err)
{
    const ConvTask *t = s->task;
    const OnednnWindow w = window_of(&t->problem);
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_convolution_backward_data_primitive_desc_create(
        &desc, t->dnn->engine, dnnl_convolution_direct, s->diff_src.dense->desc,
        s->descs.any_weights, s->diff_dst.dense->desc, w.strides, NULL, w.pads, w.pads_after,
        s->descs.forward, NULL);
    if (!op_new(&s->op, t->dnn, "conv backward data", status, desc, err) || !create_pack(s, err))
        return false;
    op_arg(&s->op, DNNL_ARG_DIFF_DST, s->diff_dst.dense->memory);
    op_arg(&s->op, DNNL_ARG_WEIGHTS, s->weights.packed->memory);
    op_arg(&s->op, DNNL_ARG_DIFF_SRC, s->diff_src.dense->memory);
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
    const OnednnWindow w = window_of(&t->problem);
    dnnl_primitive_attr_t attr = op_attr_new((OpAttr){.deterministic = true}, err);
    if (!attr)
        return false;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_convolution_backward_weights_primitive_desc_create(
        &desc, t->dnn->engine, dnnl_convolution_direct, s->src.dense->desc,
        s->descs.any_diff_weights, t->bias_grad ? s->descs.bias : NULL, s->diff_dst.dense->desc,
        w.strides, NULL, w.pads, w.pads_after, s->descs.forward, attr);
    dnnl_primitive_attr_destroy(attr);
    if (!op_new(&s->op, t->dnn, "conv backward weights", status, desc, err)
        || !packed_grad_new(&s->weights_grad, t->dnn, t->weights_grad, s->descs.plain_weights,
                            op_desc(&s->op, dnnl_query_diff_weights_md), err)
        || (t->bias_grad
            && !packed_grad_new(&s->bias_grad, t->dnn, t->bias_grad, s->descs.bias, s->descs.bias,
                                err)))
        return false;
    op_arg(&s->op, DNNL_ARG_SRC, s->src.dense->memory);
    op_arg(&s->op, DNNL_ARG_DIFF_DST, s->diff_dst.dense->memory);
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

/* ---- The kernel ---- */

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
    return create_maps(s, err) && describe_params(&s->descs, task, err) && describe_forward(s, err)
           && CREATE[task->problem.direction](s, err);
}

/* oneDNN could apply the ReLU itself, but would turn NaNs to 0. */
static bool run(void *state, Error *err)
{
    State *s = state;
    const ConvTask *t = s->task;
    Map *used[2];
    used_maps(s, used);
    if (!fill_stand_ins(s, err) || !op_run(&s->op, err))
        return false;
    if (t->problem.relu)
        relu_forward(s->dst.map, s->dst.dense);
    else if (t->problem.relu_mask)
        relu_mask(s->diff_src.map, s->diff_src.dense, t->src);
    else if (is_view(used[1]) && t->problem.direction != CONV_BACKWARD_WEIGHTS)
        copy_pixels(used[1]->map, used[1]->dense);
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
    map_free(&s->src);
    map_free(&s->dst);
    map_free(&s->diff_src);
    map_free(&s->diff_dst);
    free(s);
}

const ConvKernelOps CONV_ONEDNN = {.supports = supports,
                                   .create = create,
                                   .load_params = load_params,
                                   .run = run,
                                   .destroy = destroy};
