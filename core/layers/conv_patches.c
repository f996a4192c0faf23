#include <omp.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/kernels/patches.h"
#include "core/layers/conv_kernel.h"
#include "core/layers/conv_sums.h"

enum { WEIGHTS, BIAS };

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

static Patches patches_of(const ConvKernel *k, const Layer *l)
{
    const Conv *c = l->node->config;
    const Shape src = l->src[0]->shape, dst = l->dst->shape;
    const bool bf16 = l->src[0]->type == dnnl_bf16;
    return (Patches){.bf16 = bf16,
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
                     .threads = omp_get_max_threads(),
                     .brgemms = k->variant == BRGEMM ? brgemms_new(omp_get_max_threads()) : NULL};
}

/* ---- Forward ---- */

typedef struct {
    Patches patches;
    SharedPack *pack;
} Pass;

static bool pass_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    Pass *s = xcalloc(1, sizeof *s);
    const Patches *p = &s->patches;
    s->patches = patches_of(k, l);
    *state = s;
    s->pack =
        shared_pack(l->shared, layer_values(l, WEIGHTS), k, p->bf16, patches_weights_bytes(p), err);
    return s->pack && (!p->brgemms || patches_add_brgemms(p, err))
           && shared_reserve(l->shared, patches_scratch_bytes(p), err);
}

static bool pass_load_params(Layer *l, void *state, bool again, Error *err)
{
    (void)err;
    const Pass *s = state;
    if (s->pack->version == l->shared->version && !again)
        return true;
    patches_pack(&s->patches, layer_values(l, WEIGHTS), s->pack->data);
    s->pack->version = l->shared->version;
    return true;
}

static bool run_forward(Layer *l, void *state, Error *err)
{
    (void)err;
    const Pass *s = state;
    const Conv *c = l->node->config;
    patches_run(&s->patches, l->src[0]->data, s->pack->data, layer_values(l, BIAS), c->relu,
                l->dst->data, l->shared->scratch);
    return true;
}

static void pass_destroy(Layer *l, void *state)
{
    Pass *s = state;
    if (!s)
        return;
    shared_pack_release(l->shared, s->pack);
    brgemms_free(s->patches.brgemms);
    free(s);
}

/* ---- Backward weights ---- */

typedef struct {
    Patches patches;
    ConvSums sums;
} Grad;

static bool grad_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    Grad *g = xcalloc(1, sizeof *g);
    const Patches *p = &g->patches;
    g->patches = patches_of(k, l);
    *state = g;
    return (!p->brgemms || patches_grad_add_brgemms(p, err))
           && conv_sums_new(&g->sums, l, patches_grad_sums(p), err)
           && shared_reserve(l->shared, patches_grad_scratch_bytes(p), err);
}

static bool grad_run(Layer *l, void *state, Error *err)
{
    (void)err;
    Grad *g = state;
    conv_sums_begin(&g->sums);
    patches_grad(&g->patches, l->src[0]->data, l->diff_dst[0]->data, g->sums.weights,
                 l->shared->scratch);
    conv_sums_add_bias(&g->sums, l);
    return true;
}

static void grad_end(Layer *l, void *state, bool accumulate)
{
    Grad *g = state;
    if (conv_sums_end(&g->sums, l, accumulate))
        patches_grad_end(&g->patches, g->sums.weights, accumulate, layer_grads(l, WEIGHTS));
}

static void grad_destroy(Layer *l, void *state)
{
    (void)l;
    Grad *g = state;
    if (!g)
        return;
    conv_sums_free(&g->sums);
    brgemms_free(g->patches.brgemms);
    free(g);
}

/* ---- */

#define KERNELS(ID, VARIANT, NAME)                                                                 \
    CONV_KERNEL_PASS(CONV_FORWARD_##ID, CONV_FORWARD, VARIANT, NAME, run_forward)                  \
    CONV_KERNEL_GRAD(CONV_BACKWARD_WEIGHTS_##ID, VARIANT, NAME)

KERNELS(PATCHES, OWN, "patches")
KERNELS(PATCHES_BRGEMM, BRGEMM, "patches brgemm")
