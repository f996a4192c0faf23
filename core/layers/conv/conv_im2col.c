/* core/layers/conv/conv_im2col.c -- convolutions by kernels/conv/im2col.h; see conv_kernel.h. */
#include "core/kernels/conv/im2col.h"
#include "core/layers/conv/conv_own.h"

typedef struct {
    ConvOwn own;
    Im2col im2col;
} State;

/* Any window, where the CPU has the instructions. Forward writes whole vectors of channels, and has
 * nothing to gather where windows are single pixels: conv_winograd.c multiplies those in place.
 * There is no backward data. */
static bool supports(const ConvKernel *k, const ConvProblem *p)
{
    const bool forward = p->out % VEC == 0 && p->kernel_h * p->kernel_w > 1;
    return p->direction != CONV_BACKWARD_DATA && (p->direction != CONV_FORWARD || forward)
           && conv_own_supports(k, p);
}

static bool create(const ConvKernel *k, const ConvTask *task, void **state, Error *err)
{
    State *s = *state = conv_own_new(k, task, sizeof *s);
    const Im2col *p = &s->im2col;
    s->im2col =
        (Im2col){.conv = task->problem, .multiply = s->own.multiply, .by_rows = s->own.by_rows};
    if (task->problem.direction == CONV_BACKWARD_WEIGHTS)
        return conv_own_reserve_grad(&s->own, k, im2col_grad_sums(p), im2col_grad_scratch_bytes(p),
                                     err);
    return conv_own_reserve_pass(&s->own, k, im2col_weights_bytes(p), im2col_scratch_bytes(p), err);
}

static bool load_params(void *state, bool again, Error *err)
{
    (void)err;
    const State *s = state;
    const ConvTask *t = s->own.task;
    if (s->own.pack && shared_pack_is_due(t->shared, s->own.pack, again))
        im2col_pack(&s->im2col, t->weights, s->own.pack->data);
    return true;
}

static bool run(void *state, Error *err)
{
    (void)err;
    const State *s = state;
    const ConvTask *t = s->own.task;
    if (t->problem.direction == CONV_FORWARD) {
        im2col_run(&s->im2col, t->src->data, s->own.pack->data, t->bias, t->dst->data,
                   t->shared->scratch);
        return true;
    }
    conv_own_start_grad(&s->own);
    im2col_grad(&s->im2col, t->src->data, t->diff_dst->data, s->own.sums->weights,
                t->shared->scratch);
    conv_own_add_bias(&s->own);
    return true;
}

static void flush(void *state)
{
    const State *s = state;
    bool add = false;
    if (conv_own_flush(&s->own, &add))
        im2col_grad_flush(&s->im2col, s->own.sums->weights, add, s->own.task->weights_grad);
}

const ConvKernelOps CONV_IM2COL = {.supports = supports,
                                   .create = create,
                                   .load_params = load_params,
                                   .run = run,
                                   .flush = flush,
                                   .destroy = conv_own_destroy};
