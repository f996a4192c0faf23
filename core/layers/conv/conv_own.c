#include "core/layers/conv/conv_own.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/kernels/channel_sums.h"

bool conv_own_supports(const ConvKernel *k, const ConvProblem *p)
{
    const bool possible = !k->amx || (p->src_bf16 && gemm_tiles());
    return possible && p->src_bf16 == p->dst_bf16 && gemm_kernel(p->src_bf16);
}

void *conv_own_new(const ConvKernel *k, const ConvTask *task, size_t bytes)
{
    ConvOwn *o = xcalloc(1, bytes);
    o->task = task;
    o->multiply = k->amx ? gemm_tiles() : gemm_kernel(task->problem.src_bf16);
    o->by_rows = k->amx;
    return o;
}

bool conv_own_reserve_pass(ConvOwn *o, const ConvKernel *k, size_t pack_bytes, size_t scratch_bytes,
                           Error *err)
{
    const ConvTask *t = o->task;
    const SharedPackKey key = {
        .weights = t->weights, .maker = k, .variant = (int)t->problem.direction};
    o->pack = shared_pack(t->shared, key, pack_bytes, err);
    return o->pack && shared_reserve(t->shared, scratch_bytes, err);
}

bool conv_own_reserve_grad(ConvOwn *o, const ConvKernel *k, size_t sums, size_t scratch_bytes,
                           Error *err)
{
    const ConvTask *t = o->task;
    const GradAccumulatorKey key = {.grads = t->weights_grad,
                                    .layout = k->ops,  // all variants of a kernel have the same
                                    .weights = sums,
                                    .biases = t->bias_grad ? (size_t)t->problem.out : 0};
    const size_t bias = channel_sums_scratch(t->diff_dst, t->problem.threads) * sizeof(float);
    o->sums = grad_accumulator_get(t->shared->grads, key, err);
    return o->sums && shared_reserve(t->shared, scratch_bytes > bias ? scratch_bytes : bias, err);
}

void conv_own_start_grad(const ConvOwn *o)
{
    grad_accumulator_start(o->sums);
}

void conv_own_add_bias(const ConvOwn *o)
{
    if (o->task->bias_grad)
        channel_sums_add(o->sums->bias, o->task->diff_dst, o->task->shared->scratch);
}

bool conv_own_flush(const ConvOwn *o, bool *accumulate)
{
    const ConvTask *t = o->task;
    if (!grad_accumulator_flush(t->shared->grads, o->sums, t->bias_grad))
        return false;
    *accumulate = grad_accumulators_add(t->shared->grads, t->weights_grad);
    return true;
}

void conv_own_destroy(void *state)
{
    ConvOwn *o = state;
    if (!o)
        return;
    shared_pack_release(o->task->shared, o->pack);
    grad_accumulator_release(o->task->shared->grads, o->sums);
    free(o);
}
