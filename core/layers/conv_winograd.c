#include <omp.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/kernels/winograd.h"
#include "core/layers/conv_kernel.h"
#include "core/layers/conv_sums.h"

enum { WEIGHTS, BIAS };

/* A kernel's variant is its form, plus this where products run on the library's micro-kernel. */
enum { BRGEMM = WINOGRAD_FORMS };

static WinogradForm form_of(const ConvKernel *k)
{
    return (WinogradForm)(k->variant % BRGEMM);
}

static int taps_of(const Winograd *w)
{
    const int r = winograd_kernel(w->form);
    return r * r;
}

/* Channels fill vectors, the image keeps its size, and the CPU has the instructions. */
static bool fits(const ConvKernel *k, const Layer *l)
{
    const Conv *c = l->node->config;
    const WinogradForm form = form_of(k);
    const int r = winograd_kernel(form);
    const dnnl_data_type_t type = l->src[0]->type;
    const bool possible = k->variant < BRGEMM || (type == dnnl_bf16 && brgemm_available());
    return c->kernel == r && c->stride == 1 && c->pad == (r - 1) / 2
           && l->src[0]->shape.channels % VEC == 0 && c->out % VEC == 0 && l->dst->type == type
           && possible && gemm_kernel(type == dnnl_bf16);
}

static Winograd winograd_of(const ConvKernel *k, const Layer *l)
{
    const bool bf16 = l->src[0]->type == dnnl_bf16, data = k->direction == CONV_BACKWARD_DATA;
    const int in = l->src[0]->shape.channels, out = l->dst->shape.channels;
    return (Winograd){.form = form_of(k),
                      .bf16 = bf16,
                      .multiply = gemm_kernel(bf16),
                      .batch = l->batch,
                      .height = l->dst->shape.height,
                      .width = l->dst->shape.width,
                      .in = data ? out : in,
                      .out = data ? in : out,
                      .threads = omp_get_max_threads(),
                      .brgemms = k->variant >= BRGEMM ? brgemms_new(omp_get_max_threads()) : NULL};
}

static bool add_brgemms(const Winograd *w, bool (*add)(const Winograd *w, Error *err), Error *err)
{
    return !w->brgemms || add(w, err);
}

/* ---- Forward and backward data ---- */

typedef struct {
    Winograd winograd;
    bool flipped;
    SharedPack *pack;
} Pass;

static bool pass_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    Pass *p = xcalloc(1, sizeof *p);
    p->winograd = winograd_of(k, l);
    p->flipped = k->direction == CONV_BACKWARD_DATA;
    p->pack = shared_pack(l->shared, layer_values(l, WEIGHTS), k, p->winograd.bf16,
                          winograd_weights_bytes(&p->winograd), err);
    *state = p;
    return p->pack && add_brgemms(&p->winograd, winograd_add_brgemms, err)
           && shared_reserve(l->shared, winograd_scratch_bytes(&p->winograd), err);
}

static bool pass_load_params(Layer *l, void *state, bool again, Error *err)
{
    (void)err;
    const Pass *p = state;
    if (p->pack->version == l->shared->version && !again)
        return true;
    winograd_pack(&p->winograd, layer_values(l, WEIGHTS), p->flipped, p->pack->data);
    p->pack->version = l->shared->version;
    return true;
}

static bool run_forward(Layer *l, void *state, Error *err)
{
    (void)err;
    const Pass *p = state;
    const Conv *c = l->node->config;
    winograd_run(&p->winograd, l->src[0]->data, p->pack->data, layer_values(l, BIAS), c->relu,
                 l->dst->data, l->shared->scratch);
    return true;
}

static bool run_backward_data(Layer *l, void *state, Error *err)
{
    (void)err;
    const Pass *p = state;
    winograd_run(&p->winograd, l->diff_dst[0]->data, p->pack->data, NULL, false,
                 l->diff_src[0]->data, l->shared->scratch);
    return true;
}

static void pass_destroy(Layer *l, void *state)
{
    Pass *p = state;
    if (!p)
        return;
    shared_pack_release(l->shared, p->pack);
    brgemms_free(p->winograd.brgemms);
    free(p);
}

/* ---- Backward weights ---- */

typedef struct {
    Winograd winograd;
    ConvSums sums;  // in x taps x out
} Grad;

static bool grad_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    Grad *g = xcalloc(1, sizeof *g);
    const Winograd *w = &g->winograd;
    g->winograd = winograd_of(k, l);
    *state = g;
    return add_brgemms(w, winograd_grad_add_brgemms, err)
           && conv_sums_new(&g->sums, l, (size_t)w->in * (size_t)taps_of(w) * (size_t)w->out, err)
           && shared_reserve(l->shared, winograd_grad_scratch_bytes(w), err);
}

static bool grad_run(Layer *l, void *state, Error *err)
{
    (void)err;
    Grad *g = state;
    conv_sums_begin(&g->sums);
    winograd_grad(&g->winograd, l->src[0]->data, l->diff_dst[0]->data, g->sums.weights,
                  l->shared->scratch);
    conv_sums_add_bias(&g->sums, l);
    return true;
}

/* in x taps x out -> out x in x taps. */
static void grad_end(Layer *l, void *state, bool accumulate)
{
    Grad *g = state;
    const size_t in = (size_t)g->winograd.in, out = (size_t)g->winograd.out;
    const size_t taps = (size_t)taps_of(&g->winograd);
    float *weights = layer_grads(l, WEIGHTS);
    if (!conv_sums_end(&g->sums, l, accumulate))
        return;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < out; first += VEC) {
        for (size_t row = 0; row < in * taps; row++) {
            const float *src = g->sums.weights + row * out + first;
            float *dst = weights + first * in * taps + row;
            for (size_t o = 0; o < VEC; o++)
                dst[o * in * taps] = src[o] + (accumulate ? dst[o * in * taps] : 0);
        }
    }
}

static void grad_destroy(Layer *l, void *state)
{
    (void)l;
    Grad *g = state;
    if (!g)
        return;
    conv_sums_free(&g->sums);
    brgemms_free(g->winograd.brgemms);
    free(g);
}

/* ---- */

#define KERNELS(ID, VARIANT, NAME)                                                                 \
    CONV_KERNEL_PASS(CONV_FORWARD_##ID, CONV_FORWARD, VARIANT, NAME, run_forward)                  \
    CONV_KERNEL_PASS(CONV_BACKWARD_DATA_##ID, CONV_BACKWARD_DATA, VARIANT, NAME,                   \
                     run_backward_data)                                                            \
    CONV_KERNEL_GRAD(CONV_BACKWARD_WEIGHTS_##ID, VARIANT, NAME)

KERNELS(1_1, WINOGRAD_1_1, "product")
KERNELS(3_3, WINOGRAD_3_3, "F(3,3)")
KERNELS(4_3, WINOGRAD_4_3, "F(4,3)")
KERNELS(2_5, WINOGRAD_2_5, "F(2,5)")
KERNELS(1_1_BRGEMM, WINOGRAD_1_1 + BRGEMM, "product brgemm")
KERNELS(3_3_BRGEMM, WINOGRAD_3_3 + BRGEMM, "F(3,3) brgemm")
KERNELS(4_3_BRGEMM, WINOGRAD_4_3 + BRGEMM, "F(4,3) brgemm")
KERNELS(2_5_BRGEMM, WINOGRAD_2_5 + BRGEMM, "F(2,5) brgemm")
