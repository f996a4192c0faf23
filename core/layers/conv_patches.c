#include <omp.h>

#include "core/base/memory.h"
#include "core/kernels/patches.h"
#include "core/layers/conv_own.h"

/* A kernel's variant: whether products run on the library's micro-kernel. */
enum { OWN, BRGEMM };

/* Any window, where the CPU has the instructions. Forward writes whole vectors of channels, and has
 * nothing to gather where windows are single pixels: conv_winograd.c multiplies those in place. */
static bool fits(const ConvKernel *k, const Layer *l)
{
    const Conv *c = l->node->config;
    const dnnl_data_type_t type = l->src[0]->type;
    const bool possible = k->variant == OWN || (type == dnnl_bf16 && brgemm_available());
    const bool useful = k->direction != CONV_FORWARD || (c->out % VEC == 0 && c->kernel > 1);
    return possible && useful && l->dst->type == type && gemm_kernel(type == dnnl_bf16);
}

typedef struct {
    ConvOwn own;
    Patches patches;
} State;

static State *state_new(const ConvKernel *k, const Layer *l)
{
    const Conv *c = l->node->config;
    const Shape src = l->src[0]->shape, dst = l->dst->shape;
    const bool bf16 = l->src[0]->type == dnnl_bf16;
    const int threads = omp_get_max_threads();
    State *s = xcalloc(1, sizeof *s);
    s->own.brgemms = k->variant == BRGEMM ? brgemms_new(threads) : NULL;
    s->patches = (Patches){.bf16 = bf16,
                           .multiply = gemm_kernel(bf16),
                           .batch = l->batch,
                           .height = src.height,
                           .width = src.width,
                           .in = src.channels,
                           .dst_height = dst.height,
                           .dst_width = dst.width,
                           .out = dst.channels,
                           .kernel = c->kernel,
                           .stride = c->stride,
                           .pad = c->pad,
                           .threads = threads,
                           .brgemms = s->own.brgemms};
    return s;
}

/* ---- Forward ---- */

static bool pass_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    State *s = *state = state_new(k, l);
    const Patches *p = &s->patches;
    return patches_add_brgemms(p, err)
           && conv_own_pass(&s->own, k, l, patches_weights_bytes(p), patches_scratch_bytes(p), err);
}

static bool pass_load_params(Layer *l, void *state, bool again, Error *err)
{
    (void)err;
    const State *s = state;
    if (conv_own_must_pack(&s->own, l, again))
        patches_pack(&s->patches, layer_values(l, WEIGHTS), s->own.pack->data);
    return true;
}

static bool run_forward(Layer *l, void *state, Error *err)
{
    (void)err;
    const State *s = state;
    const Conv *c = l->node->config;
    patches_run(&s->patches, l->src[0]->data, s->own.pack->data, layer_values(l, BIAS), c->relu,
                l->dst->data, l->shared->scratch);
    return true;
}

/* ---- Backward weights ---- */

static bool grad_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    State *s = *state = state_new(k, l);
    const Patches *p = &s->patches;
    return patches_grad_add_brgemms(p, err)
           && conv_own_grad(&s->own, l, patches_grad_sums(p), patches_grad_scratch_bytes(p), err);
}

static bool grad_run(Layer *l, void *state, Error *err)
{
    (void)err;
    State *s = state;
    conv_sums_begin(&s->own.sums);
    patches_grad(&s->patches, l->src[0]->data, l->diff_dst[0]->data, s->own.sums.weights,
                 l->shared->scratch);
    conv_sums_add_bias(&s->own.sums, l);
    return true;
}

static void grad_end(Layer *l, void *state, bool accumulate)
{
    State *s = state;
    if (conv_sums_end(&s->own.sums, l, accumulate))
        patches_grad_end(&s->patches, s->own.sums.weights, accumulate, layer_grads(l, WEIGHTS));
}

/* ---- */

#define KERNELS(ID, VARIANT, NAME)                                                                 \
    CONV_OWN_PASS(CONV_FORWARD_##ID, CONV_FORWARD, VARIANT, NAME, run_forward)                     \
    CONV_OWN_GRAD(CONV_BACKWARD_WEIGHTS_##ID, VARIANT, NAME)

KERNELS(PATCHES, OWN, "patches")
KERNELS(PATCHES_BRGEMM, BRGEMM, "patches brgemm")
