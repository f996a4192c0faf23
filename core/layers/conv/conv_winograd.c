/* core/layers/conv/conv_winograd.c -- convolutions by core/kernels/conv/winograd.h; see
 * conv_kernel.h. */
#include "core/kernels/conv/winograd.h"
#include "core/layers/conv/conv_own.h"

typedef struct {
    ConvOwn own;
    Winograd winograd;
} State;

/* Channels fill vectors, the image keeps its size, and the CPU has the instructions. */
static bool supports(const ConvKernel *k, const ConvProblem *p)
{
    const int r = winograd_kernel((WinogradVariant)k->variant);
    return p->kernel_h == r && p->kernel_w == r && conv_problem_keeps_size(p) && p->in % VEC == 0
           && p->out % VEC == 0 && conv_own_supports(k, p);
}

static bool is_transposed(const State *s)
{
    return s->own.task->problem.direction == CONV_BACKWARD_DATA;
}

static size_t sums_of(const Winograd *w)
{
    return conv_problem_weights(&w->conv);
}

static bool create(const ConvKernel *k, const ConvTask *task, void **state, Error *err)
{
    State *s = *state = conv_own_new(k, task, sizeof *s);
    const ConvProblem *p = &task->problem;
    const Winograd *w = &s->winograd;
    s->winograd = (Winograd){.variant = (WinogradVariant)k->variant,
                             .conv = is_transposed(s) ? conv_problem_transposed(p) : *p,
                             .multiply = s->own.multiply,
                             .by_rows = s->own.by_rows};
    if (p->direction == CONV_BACKWARD_WEIGHTS)
        return conv_own_reserve_grad(&s->own, k, sums_of(w), winograd_grad_scratch_bytes(w), err);
    return conv_own_reserve_pass(&s->own, k, winograd_weights_bytes(w), winograd_scratch_bytes(w),
                                 err);
}

static bool load_params(void *state, bool again, Error *err)
{
    (void)err;
    const State *s = state;
    const ConvTask *t = s->own.task;
    if (s->own.pack && shared_pack_is_due(t->shared, s->own.pack, again))
        winograd_pack(&s->winograd, t->weights, is_transposed(s), s->own.pack->data);
    return true;
}

static bool run(void *state, Error *err)
{
    (void)err;
    const State *s = state;
    const ConvTask *t = s->own.task;
    void *scratch = t->shared->scratch;
    const WinogradMask mask = {t->src->data, (size_t)t->src->pixel_stride};
    switch (t->problem.direction) {
    case CONV_FORWARD:
        winograd_run(&s->winograd, t->src->data, s->own.pack->data, t->bias, NULL, t->dst->data,
                     scratch);
        break;
    case CONV_BACKWARD_DATA:
        winograd_run(&s->winograd, t->diff_dst->data, s->own.pack->data, NULL,
                     t->problem.relu_mask ? &mask : NULL, t->diff_src->data, scratch);
        break;
    case CONV_BACKWARD_WEIGHTS:
        conv_own_start_grad(&s->own);
        winograd_grad(&s->winograd, t->src->data, t->diff_dst->data, s->own.sums->weights, scratch);
        conv_own_add_bias(&s->own);
        break;
    case CONV_DIRECTIONS:
        break;
    }
    return true;
}

static void flush(void *state)
{
    const State *s = state;
    bool add = false;
    if (conv_own_flush(&s->own, &add))
        winograd_grad_flush(&s->winograd, s->own.sums->weights, add, s->own.task->weights_grad);
}

const ConvKernelOps CONV_WINOGRAD = {.supports = supports,
                                     .create = create,
                                     .load_params = load_params,
                                     .run = run,
                                     .flush = flush,
                                     .destroy = conv_own_destroy};
