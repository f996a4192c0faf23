#include "core/layers/conv/conv.h"

#include <omp.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/kernels/relu.h"
#include "core/layers/conv/conv_autotune.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Conv *c = config;
    const Shape src = srcs[0];
    if (c->out < 1)
        return fail(err, ERR_INVALID, "output channels must be 1 or more, got %d", c->out);
    if (!window_dst(&c->window, src, &spec->dst, err))
        return false;
    spec->dst.channels = c->out;
    const int taps = c->kernel * c->kernel_w;
    spec->params[0] = (ParamSpec){.name = "weight",
                                  .dims = {c->out, src.channels, c->kernel, c->kernel_w},
                                  .dim_count = 4,
                                  .fan_in = src.channels * taps,
                                  .fan_out = c->out * taps};
    spec->params[1] = (ParamSpec){.name = "bias",
                                  .role = ROLE_BIAS,
                                  .dims = {c->out},
                                  .dim_count = 1,
                                  .fan_in = src.channels * taps,
                                  .fan_out = c->out * taps};
    spec->param_count = c->no_bias ? 1 : 2;
    spec->multiply_adds = (int64_t)shape_count(spec->dst) * src.channels * taps;
    spec->backward_needs_src = true;
    spec->backward_needs_dst = c->relu && !c->mask_moved;
    return true;
}

/* DESIGN. Each direction of a convolution is a problem, and runs on the kernel that core/autotune
 * has for it; without autotuning, on oneDNN's. */

typedef struct {
    const ConvKernel *kernel;  // NULL: the direction is not needed
    ConvTask task;
    void *state;
} Direction;

typedef struct {
    Direction directions[CONV_DIRECTIONS];
} State;

/* ---- Creation ---- */

static ConvProblem problem_of(const Layer *l, ConvDirection d)
{
    const Conv *c = l->node->config;
    const Shape src = l->src[0]->shape, dst = l->dst->shape;
    const Tensor *in = d == CONV_BACKWARD_DATA ? l->diff_src[0] : l->src[0];
    const Tensor *out = d == CONV_FORWARD ? l->dst : l->diff_dst[0];
    return (ConvProblem){.direction = d,
                         .batch = l->batch,
                         .in = src.channels,
                         .height = src.height,
                         .width = src.width,
                         .out = dst.channels,
                         .dst_height = dst.height,
                         .dst_width = dst.width,
                         .src_stride = tensor_stride_key(in),
                         .dst_stride = tensor_stride_key(out),
                         .kernel_h = c->kernel,
                         .kernel_w = c->kernel_w,
                         .stride_h = c->stride,
                         .stride_w = c->stride_w,
                         .pad_h = c->pad,
                         .pad_w = c->pad_w,
                         .no_bias = c->no_bias && d != CONV_BACKWARD_DATA,
                         .relu = d == CONV_FORWARD && c->relu,
                         .relu_mask = d == CONV_BACKWARD_DATA && c->src_mask,
                         .src_bf16 = l->src[0]->type == dnnl_bf16,
                         .dst_bf16 = out->type == dnnl_bf16,
                         .threads = omp_get_max_threads(),
                         .runs_per_load = l->runs_per_load};
}

static ConvTask task_of(const Layer *l, ConvDirection d)
{
    const bool has_bias = !((const Conv *)l->node->config)->no_bias;
    return (ConvTask){.problem = problem_of(l, d),
                      .dnn = l->dnn,
                      .shared = l->shared,
                      .training = l->training,
                      .src = l->src[0],
                      .dst = l->dst,
                      .diff_src = l->diff_src[0],
                      .diff_dst = l->training ? l->diff_dst[0] : NULL,
                      .weights = layer_values(l, WEIGHTS),
                      .bias = has_bias ? layer_values(l, BIAS) : NULL,
                      .weights_grad = layer_grads(l, WEIGHTS),
                      .bias_grad = has_bias ? layer_grads(l, BIAS) : NULL};
}

static const ConvKernel *kernel_for(const Layer *l, const ConvProblem *p, Error *err)
{
    const ConvAutotune a = {.table = &CONV_KERNELS,
                            .autotune = l->autotune,
                            .dnn = l->dnn,
                            .go_on = l->go_on,
                            .go_on_context = l->go_on_context};
    return l->autotune ? conv_autotune(&a, p, err) : conv_kernel_first(&CONV_KERNELS, p, err);
}

/* A kernel that is in use or on record, and cannot be created here, is not used: the others are
 * measured. Those that were have been created before, so it is tried once. */
static bool create_direction(Layer *l, ConvDirection d, Error *err)
{
    State *s = l->state;
    Direction *it = &s->directions[d];
    it->task = task_of(l, d);
    ConvProblem asked = it->task.problem;
    asked.batch = l->kernels_of;
    for (int attempt = 0;; attempt++) {
        it->kernel = kernel_for(l, &asked, err);
        if (!it->kernel)
            return false;
        if (it->kernel->ops->create(it->kernel, &it->task, &it->state, err))
            return true;
        if (attempt == 1 || !l->autotune || (err && err->code == ERR_NO_MEMORY))
            return false;
        it->kernel->ops->destroy(it->state);
        it->state = NULL;
        char key[CONV_PROBLEM_KEY];
        conv_problem_key(&asked, key);
        autotune_reject(l->autotune, key);
    }
}

static bool create(Layer *l, Error *err)
{
    l->state = xcalloc(1, sizeof(State));
    return create_direction(l, CONV_FORWARD, err)
           && (!l->training || create_direction(l, CONV_BACKWARD_WEIGHTS, err))
           && (!l->training || !l->diff_src[0] || create_direction(l, CONV_BACKWARD_DATA, err));
}

static void destroy(Layer *l)
{
    State *s = l->state;
    for (ConvDirection d = 0; s && d < CONV_DIRECTIONS; d++) {
        const Direction *it = &s->directions[d];
        if (it->kernel)
            it->kernel->ops->destroy(it->state);
    }
    free(s);
}

/* ---- Running ---- */

static bool load_params(Layer *l, Error *err)
{
    const State *s = l->state;
    for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++) {
        const Direction *it = &s->directions[d];
        if (it->kernel && !it->kernel->ops->load_params(it->state, false, err))
            return false;
    }
    return true;
}

static bool run(Layer *l, ConvDirection d, Error *err)
{
    const State *s = l->state;
    const Direction *it = &s->directions[d];
    return it->kernel->ops->run(it->state, err);
}

static bool forward(Layer *l, Error *err)
{
    return run(l, CONV_FORWARD, err);
}

static bool backward_data(Layer *l, Error *err)
{
    return run(l, CONV_BACKWARD_DATA, err);
}

static bool backward_weights(Layer *l, Error *err)
{
    return run(l, CONV_BACKWARD_WEIGHTS, err);
}

static void flush_grads(Layer *l)
{
    const State *s = l->state;
    const Direction *it = &s->directions[CONV_BACKWARD_WEIGHTS];
    if (it->kernel && it->kernel->ops->flush)
        it->kernel->ops->flush(it->state);
}

static void name_kernels(const Layer *l, const char *names[3])
{
    const State *s = l->state;
    for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++)
        names[d] = s->directions[d].kernel ? s->directions[d].kernel->name : NULL;
}

static bool backward_begin(Layer *l, Error *err)
{
    (void)err;
    const Conv *c = l->node->config;
    if (c->relu && !c->mask_moved)
        relu_mask(l->diff_dst[0], l->diff_dst[0], l->dst);
    return true;
}

static const LayerOps OPS = {
    .create = create,
    .load_params = load_params,
    .forward = forward,
    .backward_begin = backward_begin,
    .backward_weights = backward_weights,
    .backward_data = backward_data,
    .flush_grads = flush_grads,
    .name_kernels = name_kernels,
    .destroy = destroy,
    .strided_src = true,
    .strided_dst = true,
    .sums_in_f32 = true,
};

const LayerType CONV = {
    .name = "conv", .config_bytes = sizeof(Conv), .describe = describe, .ops = &OPS};

Node conv(Graph *g, Node src, const char *name, Conv c)
{
    c.window = window_resolve(c.window);
    return graph_add(g, name, &CONV, &c, &src, 1);
}
