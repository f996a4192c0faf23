#include "core/layers/linear.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/dnn/packed.h"
#include "core/kernels/channel_sums.h"
#include "core/layers/layer.h"

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

/* DESIGN. Forward and backward data are oneDNN's inner_product, on weights that are packed whenever
 * they have changed. The weights' gradient is as large as they are, and every part of a batch has
 * one: packed, it would have to be added to the store's number by number. So it is a matrix
 * product, which writes to the store, or adds to it. That has the weights channel by channel, and a
 * map is pixel by pixel: the source is transposed for the product, being much smaller. */

/* The descriptions that primitives are made from; src and diff_src have their own. */
enum {
    PLAIN_WEIGHTS,     // out x channels x height x width, float32, as in the store
    ANY_WEIGHTS,       // src's type, in a layout for the primitive to choose
    MAP_WEIGHTS,       // src's type, out x height x width x channels
    BIASES,            // out
    OUTPUTS,           // batch x out, dst's type
    DIFFS,             // batch x out, diff_dst's type
    DIFFS_TRANSPOSED,  // the same numbers as out x batch
    FLAT,              // batch x in, channel by channel
    FLAT_MAP,          // the same numbers as batch x channels x height x width
    WEIGHTS_GRAD,      // out x in, float32, as in the store
    DESCS
};

/* The weights as one of the directions wants them; both may share a pack. */
typedef struct {
    SharedPack *pack;
    Packed weights;
} Side;

typedef struct {
    dnnl_memory_desc_t descs[DESCS];
    Op forward, backward_data;
    Side forward_side, backward_side;
    dnnl_memory_t bias, weights_grad;  // in the store
    Op transpose;                      // src to flat
    Tensor *flat;                      // NULL: src is that already
    Op set_grad, add_grad;
} State;

static bool has_bias(const Layer *l)
{
    return l->node->spec.param_count > BIAS;
}

/* ---- Creation ---- */

typedef struct {
    int i;  // of the description
    int dim_count;
    dnnl_dims_t dims;
    dnnl_data_type_t type;
    dnnl_format_tag_t tag;
} Desc;

static bool describe_all(State *s, const Desc *all, size_t count, Error *err)
{
    for (size_t i = 0; i < count; i++) {
        const Desc *d = &all[i];
        if (!dnn_try(dnnl_memory_desc_create_with_tag(&s->descs[d->i], d->dim_count, d->dims,
                                                      d->type, d->tag),
                     "describe a linear layer", err))
            return false;
    }
    return true;
}

static bool describe_forward(Layer *l, Error *err)
{
    const Shape src = l->src[0]->shape;
    const int out = l->dst->shape.channels;
    const Desc all[] = {
        {PLAIN_WEIGHTS, 4, {out, src.channels, src.height, src.width}, dnnl_f32, dnnl_oihw},
        {ANY_WEIGHTS,
         4,
         {out, src.channels, src.height, src.width},
         l->src[0]->type,
         dnnl_format_tag_any},
        {MAP_WEIGHTS, 4, {out, src.channels, src.height, src.width}, l->src[0]->type, dnnl_acdb},
        {BIASES, 1, {out}, dnnl_f32, dnnl_a},
        {OUTPUTS, 2, {l->batch, out}, l->dst->type, dnnl_ab},
    };
    return describe_all(l->state, all, COUNT(all), err);
}

static bool describe_backward(Layer *l, Error *err)
{
    const Shape src = l->src[0]->shape;
    const int out = l->dst->shape.channels, in = (int)shape_count(src);
    const dnnl_data_type_t type = l->src[0]->type, diff_type = l->diff_dst[0]->type;
    const Desc all[] = {
        {DIFFS, 2, {l->batch, out}, diff_type, dnnl_ab},
        {DIFFS_TRANSPOSED, 2, {out, l->batch}, diff_type, dnnl_ba},
        {FLAT, 2, {l->batch, in}, type, dnnl_ab},
        {FLAT_MAP, 4, {l->batch, src.channels, src.height, src.width}, type, dnnl_nchw},
        {WEIGHTS_GRAD, 2, {out, in}, dnnl_f32, dnnl_ab},
    };
    return describe_all(l->state, all, COUNT(all), err);
}

static bool pack_for(Layer *l, const Op *op, Side *side, Error *err)
{
    const State *s = l->state;
    const_dnnl_memory_desc_t wanted = op_desc(op, dnnl_query_weights_md);
    const float *weights = layer_values(l, WEIGHTS);
    side->pack = shared_pack(l->shared, (SharedPackKey){weights, &LINEAR, 0, wanted},
                             dnnl_memory_desc_get_size(wanted), err);
    return side->pack
           && packed_new(&side->weights, l->dnn,
                         (PackedSpec){weights, s->descs[PLAIN_WEIGHTS], wanted, side->pack->data},
                         err);
}

static bool forward_op(Layer *l, int weights, Error *err)
{
    State *s = l->state;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_inner_product_forward_primitive_desc_create(
        &desc, l->dnn->engine, l->training ? dnnl_forward_training : dnnl_forward_inference,
        l->src[0]->desc, s->descs[weights], has_bias(l) ? s->descs[BIASES] : NULL,
        s->descs[OUTPUTS], NULL);
    return op_new(&s->forward, l->dnn, "linear forward", status, desc, err);
}

static bool backward_data_op(Layer *l, int weights, Error *err)
{
    State *s = l->state;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_inner_product_backward_data_primitive_desc_create(
        &desc, l->dnn->engine, l->diff_src[0]->desc, s->descs[weights], s->descs[DIFFS],
        s->forward.desc, NULL);
    return op_new(&s->backward_data, l->dnn, "linear backward data", status, desc, err);
}

/* Without AVX2 the library has a matrix product only, and chooses for it a layout that it then
 * refuses where a map is one pixel: the source's own layout fits. */
static bool create_op(Layer *l, bool (*op)(Layer *l, int weights, Error *err), Error *err)
{
    Error first;
    return op(l, ANY_WEIGHTS, &first) || op(l, MAP_WEIGHTS, err);
}

static bool create_forward(Layer *l, Error *err)
{
    State *s = l->state;
    if (!create_op(l, forward_op, err) || !pack_for(l, &s->forward, &s->forward_side, err)
        || (has_bias(l)
            && !dnn_wrap(l->dnn, layer_values(l, BIAS), s->descs[BIASES], "wrap a bias", &s->bias,
                         err)))
        return false;
    op_arg(&s->forward, DNNL_ARG_SRC, l->src[0]->memory);
    op_arg(&s->forward, DNNL_ARG_WEIGHTS, s->forward_side.weights.packed->memory);
    if (s->bias)
        op_arg(&s->forward, DNNL_ARG_BIAS, s->bias);
    op_arg(&s->forward, DNNL_ARG_DST, l->dst->memory);
    return true;
}

static bool create_backward_data(Layer *l, Error *err)
{
    State *s = l->state;
    if (!create_op(l, backward_data_op, err)
        || !pack_for(l, &s->backward_data, &s->backward_side, err))
        return false;
    op_arg(&s->backward_data, DNNL_ARG_DIFF_DST, l->diff_dst[0]->memory);
    op_arg(&s->backward_data, DNNL_ARG_WEIGHTS, s->backward_side.weights.packed->memory);
    op_arg(&s->backward_data, DNNL_ARG_DIFF_SRC, l->diff_src[0]->memory);
    return true;
}

static bool create_transpose(Layer *l, Error *err)
{
    State *s = l->state;
    const Shape src = l->src[0]->shape;
    if (src.channels == 1 || src.height * src.width == 1)
        return true;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = dnnl_reorder_primitive_desc_create(
        &desc, l->src[0]->desc, l->dnn->engine, s->descs[FLAT_MAP], l->dnn->engine, NULL);
    if (!op_new(&s->transpose, l->dnn, "transpose a map", status, desc, err)
        || !tensor_alloc(l->dnn, s->descs[FLAT], &s->flat, err))
        return false;
    op_arg(&s->transpose, DNNL_ARG_FROM, l->src[0]->memory);
    op_arg(&s->transpose, DNNL_ARG_TO, s->flat->memory);
    return true;
}

/* weights_grad = diff_dst' * src + sum * weights_grad */
static bool create_product(Layer *l, Op *op, float sum, Error *err)
{
    const State *s = l->state;
    dnnl_primitive_attr_t attr = op_attr_new((OpAttr){.sum = sum, .deterministic = true}, err);
    if (!attr)
        return false;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status =
        dnnl_matmul_primitive_desc_create(&desc, l->dnn->engine, s->descs[DIFFS_TRANSPOSED],
                                          s->descs[FLAT], NULL, s->descs[WEIGHTS_GRAD], attr);
    dnnl_primitive_attr_destroy(attr);
    if (!op_new(op, l->dnn, "linear backward weights", status, desc, err))
        return false;
    op_arg(op, DNNL_ARG_SRC, l->diff_dst[0]->memory);
    op_arg(op, DNNL_ARG_WEIGHTS, s->flat ? s->flat->memory : l->src[0]->memory);
    op_arg(op, DNNL_ARG_DST, s->weights_grad);
    return true;
}

static bool create_backward_weights(Layer *l, Error *err)
{
    State *s = l->state;
    const size_t bias = channel_sums_scratch(l->diff_dst[0], omp_get_max_threads());
    return create_transpose(l, err)
           && dnn_wrap(l->dnn, layer_grads(l, WEIGHTS), s->descs[WEIGHTS_GRAD], "wrap a gradient",
                       &s->weights_grad, err)
           && create_product(l, &s->set_grad, 0, err) && create_product(l, &s->add_grad, 1, err)
           && shared_reserve(l->shared, has_bias(l) ? bias * sizeof(float) : 0, err);
}

static bool create(Layer *l, Error *err)
{
    l->state = xcalloc(1, sizeof(State));
    return describe_forward(l, err) && create_forward(l, err)
           && (!l->training || (describe_backward(l, err) && create_backward_weights(l, err)))
           && (!l->training || !l->diff_src[0] || create_backward_data(l, err));
}

static void side_free(const Layer *l, Side *side)
{
    packed_free(&side->weights);
    shared_pack_release(l->shared, side->pack);
}

static void destroy(Layer *l)
{
    State *s = l->state;
    if (!s)
        return;
    Op *ops[] = {&s->forward, &s->backward_data, &s->transpose, &s->set_grad, &s->add_grad};
    for (size_t i = 0; i < COUNT(ops); i++)
        op_free(ops[i]);
    side_free(l, &s->forward_side);
    side_free(l, &s->backward_side);
    tensor_free(s->flat);
    if (s->bias)
        dnnl_memory_destroy(s->bias);
    if (s->weights_grad)
        dnnl_memory_destroy(s->weights_grad);
    for (int i = 0; i < DESCS; i++) {
        if (s->descs[i])
            dnnl_memory_desc_destroy(s->descs[i]);
    }
    free(s);
}

/* ---- Running ---- */

static bool load_params(Layer *l, Error *err)
{
    const State *s = l->state;
    const Side *sides[] = {&s->forward_side, &s->backward_side};
    for (size_t i = 0; i < COUNT(sides); i++) {
        if (sides[i]->pack && shared_pack_is_due(l->shared, sides[i]->pack, false)
            && !packed_load(&sides[i]->weights, err))
            return false;
    }
    return true;
}

static bool forward(Layer *l, Error *err)
{
    const State *s = l->state;
    return op_run(&s->forward, err);
}

static void add_bias_grad(Layer *l)
{
    float *grad = layer_grads(l, BIAS);
    if (!grad_accumulators_add(l->shared->grads, grad))
        memset(grad, 0, layer_param(l, BIAS)->count * sizeof *grad);
    channel_sums_add(grad, l->diff_dst[0], l->shared->scratch);
}

static bool backward_weights(Layer *l, Error *err)
{
    const State *s = l->state;
    const bool add = grad_accumulators_add(l->shared->grads, layer_grads(l, WEIGHTS));
    if (has_bias(l))
        add_bias_grad(l);
    return (!s->flat || op_run(&s->transpose, err))
           && op_run(add ? &s->add_grad : &s->set_grad, err);
}

static bool backward_data(Layer *l, Error *err)
{
    const State *s = l->state;
    return op_run(&s->backward_data, err);
}

static const LayerOps OPS = {
    .create = create,
    .load_params = load_params,
    .forward = forward,
    .backward_weights = backward_weights,
    .backward_data = backward_data,
    .destroy = destroy,
    .sums_in_f32 = true,
};

const LayerType LINEAR = {
    .name = "linear", .config_bytes = sizeof(Linear), .describe = describe, .ops = &OPS};

Node linear(Graph *g, Node src, const char *name, Linear c)
{
    return graph_add(g, name, &LINEAR, &c, &src, 1);
}
