#include <omp.h>

#include "core/base/memory.h"
#include "core/kernels/winograd.h"
#include "core/layers/conv_own.h"

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

typedef struct {
    ConvOwn own;
    Winograd winograd;
    bool flipped;  // backward data
} State;

static State *state_new(const ConvKernel *k, const Layer *l)
{
    const bool bf16 = l->src[0]->type == dnnl_bf16;
    const int in = l->src[0]->shape.channels, out = l->dst->shape.channels;
    const int threads = omp_get_max_threads();
    State *s = xcalloc(1, sizeof *s);
    s->own.brgemms = k->variant >= BRGEMM ? brgemms_new(threads) : NULL;
    s->flipped = k->direction == CONV_BACKWARD_DATA;
    s->winograd = (Winograd){.form = form_of(k),
                             .bf16 = bf16,
                             .multiply = gemm_kernel(bf16),
                             .batch = l->batch,
                             .height = l->dst->shape.height,
                             .width = l->dst->shape.width,
                             .in = s->flipped ? out : in,
                             .out = s->flipped ? in : out,
                             .threads = threads,
                             .brgemms = s->own.brgemms};
    return s;
}

/* ---- Forward and backward data ---- */

static bool pass_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    State *s = *state = state_new(k, l);
    const Winograd *w = &s->winograd;
    return winograd_add_brgemms(w, err)
           && conv_own_pass(&s->own, k, l, winograd_weights_bytes(w), winograd_scratch_bytes(w),
                            err);
}

static bool pass_load_params(Layer *l, void *state, bool again, Error *err)
{
    (void)err;
    const State *s = state;
    if (conv_own_must_pack(&s->own, l, again))
        winograd_pack(&s->winograd, layer_values(l, WEIGHTS), s->flipped, s->own.pack->data);
    return true;
}

static bool run_forward(Layer *l, void *state, Error *err)
{
    (void)err;
    const State *s = state;
    const Conv *c = l->node->config;
    winograd_run(&s->winograd, l->src[0]->data, s->own.pack->data, layer_values(l, BIAS), c->relu,
                 l->dst->data, l->shared->scratch);
    return true;
}

static bool run_backward_data(Layer *l, void *state, Error *err)
{
    (void)err;
    const State *s = state;
    winograd_run(&s->winograd, l->diff_dst[0]->data, s->own.pack->data, NULL, false,
                 l->diff_src[0]->data, l->shared->scratch);
    return true;
}

/* ---- Backward weights: sums in x taps x out ---- */

static bool grad_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    State *s = *state = state_new(k, l);
    const Winograd *w = &s->winograd;
    const size_t sums = (size_t)w->in * (size_t)taps_of(w) * (size_t)w->out;
    return winograd_grad_add_brgemms(w, err)
           && conv_own_grad(&s->own, l, sums, winograd_grad_scratch_bytes(w), err);
}

static bool grad_run(Layer *l, void *state, Error *err)
{
    (void)err;
    State *s = state;
    conv_sums_begin(&s->own.sums);
    winograd_grad(&s->winograd, l->src[0]->data, l->diff_dst[0]->data, s->own.sums.weights,
                  l->shared->scratch);
    conv_sums_add_bias(&s->own.sums, l);
    return true;
}

/* in x taps x out -> out x in x taps. */
static void grad_end(Layer *l, void *state, bool accumulate)
{
    State *s = state;
    const size_t in = (size_t)s->winograd.in, out = (size_t)s->winograd.out;
    const size_t taps = (size_t)taps_of(&s->winograd);
    float *weights = layer_grads(l, WEIGHTS);
    if (!conv_sums_end(&s->own.sums, l, accumulate))
        return;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < out; first += VEC) {
        for (size_t row = 0; row < in * taps; row++) {
            const float *src = s->own.sums.weights + row * out + first;
            float *dst = weights + first * in * taps + row;
            for (size_t o = 0; o < VEC; o++)
                dst[o * in * taps] = src[o] + (accumulate ? dst[o * in * taps] : 0);
        }
    }
}

/* ---- */

#define KERNELS(ID, VARIANT, NAME)                                                                 \
    CONV_OWN_PASS(CONV_FORWARD_##ID, CONV_FORWARD, VARIANT, NAME, run_forward)                     \
    CONV_OWN_PASS(CONV_BACKWARD_DATA_##ID, CONV_BACKWARD_DATA, VARIANT, NAME, run_backward_data)   \
    CONV_OWN_GRAD(CONV_BACKWARD_WEIGHTS_##ID, VARIANT, NAME)

KERNELS(1_1, WINOGRAD_1_1, "product")
KERNELS(3_3, WINOGRAD_3_3, "F(3,3)")
KERNELS(4_3, WINOGRAD_4_3, "F(4,3)")
KERNELS(2_5, WINOGRAD_2_5, "F(2,5)")
KERNELS(1_1_BRGEMM, WINOGRAD_1_1 + BRGEMM, "product brgemm")
KERNELS(3_3_BRGEMM, WINOGRAD_3_3 + BRGEMM, "F(3,3) brgemm")
KERNELS(4_3_BRGEMM, WINOGRAD_4_3 + BRGEMM, "F(4,3) brgemm")
KERNELS(2_5_BRGEMM, WINOGRAD_2_5 + BRGEMM, "F(2,5) brgemm")
