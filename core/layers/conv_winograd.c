#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/slab.h"
#include "core/kernels/channel_sums.h"
#include "core/kernels/winograd.h"
#include "core/layers/conv_kernel.h"

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
    // With six points, rounding to bfloat16 errs more than training should bear: see NOTES.md.
    const bool coarse = type == dnnl_bf16 && form != WINOGRAD_1_1 && form != WINOGRAD_3_3;
    const bool possible = k->variant < BRGEMM || (type == dnnl_bf16 && brgemm_available());
    return c->kernel == r && c->stride == 1 && c->pad == (r - 1) / 2
           && l->src[0]->shape.channels % VEC == 0 && c->out % VEC == 0 && l->dst->type == type
           && !coarse && possible && gemm_kernel(type == dnnl_bf16);
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
           && shared_reserve(l->shared, winograd_scratch_bytes(&p->winograd, omp_get_max_threads()),
                             err);
}

static bool pass_load_params(Layer *l, void *state, Error *err)
{
    (void)err;
    const Pass *p = state;
    if (p->pack->version == l->shared->version)
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
    float *weights;  // in x taps x out, then the bias: out
    size_t bytes;
    bool begun;  // the sums hold something
} Sums;

static size_t weight_count(const Winograd *w)
{
    return (size_t)w->in * (size_t)taps_of(w) * (size_t)w->out;
}

static bool sums_create(const ConvKernel *k, Layer *l, void **state, Error *err)
{
    Sums *s = xcalloc(1, sizeof *s);
    const int threads = omp_get_max_threads();
    const size_t bias = channel_sums_scratch(l->diff_dst[0], threads) * sizeof(float);
    s->winograd = winograd_of(k, l);
    s->bytes = (weight_count(&s->winograd) + (size_t)s->winograd.out) * sizeof(float);
    s->weights = slab_new(s->bytes);
    *state = s;
    if (!s->weights)
        return fail(err, ERR_NO_MEMORY, "no memory for gradients: %zu MB are needed",
                    s->bytes >> 20);
    return add_brgemms(&s->winograd, winograd_grad_add_brgemms, err)
           && shared_reserve(l->shared, bias, err)
           && shared_reserve(l->shared, winograd_grad_scratch_bytes(&s->winograd, threads), err);
}

static bool run_backward_weights(Layer *l, void *state, Error *err)
{
    (void)err;
    Sums *s = state;
    if (!s->begun)
        memset(s->weights, 0, s->bytes);
    s->begun = true;
    winograd_grad(&s->winograd, l->src[0]->data, l->diff_dst[0]->data, s->weights,
                  l->shared->scratch);
    channel_sums_add(s->weights + weight_count(&s->winograd), l->diff_dst[0], l->shared->scratch);
    return true;
}

/* in x taps x out -> out x in x taps. */
static void end(Layer *l, void *state, bool accumulate)
{
    Sums *s = state;
    const size_t in = (size_t)s->winograd.in, out = (size_t)s->winograd.out;
    const size_t taps = (size_t)taps_of(&s->winograd);
    float *weights = layer_grads(l, WEIGHTS), *bias = layer_grads(l, BIAS);
    if (!s->begun)
        return;
    s->begun = false;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < out; first += VEC) {
        for (size_t row = 0; row < in * taps; row++) {
            const float *src = s->weights + row * out + first;
            float *dst = weights + first * in * taps + row;
            for (size_t o = 0; o < VEC; o++)
                dst[o * in * taps] = src[o] + (accumulate ? dst[o * in * taps] : 0);
        }
    }
    for (size_t o = 0; o < out; o++)
        bias[o] = s->weights[in * taps * out + o] + (accumulate ? bias[o] : 0);
}

static void sums_destroy(Layer *l, void *state)
{
    (void)l;
    Sums *s = state;
    if (!s)
        return;
    slab_free(s->weights, s->bytes);
    brgemms_free(s->winograd.brgemms);
    free(s);
}

/* ---- */

#define KERNELS(ID, VARIANT, NAME)                                                                 \
    const ConvKernel CONV_FORWARD_##ID = {.name = NAME,                                            \
                                          .direction = CONV_FORWARD,                               \
                                          .variant = VARIANT,                                      \
                                          .fits = fits,                                            \
                                          .create = pass_create,                                   \
                                          .load_params = pass_load_params,                         \
                                          .run = run_forward,                                      \
                                          .destroy = pass_destroy};                                \
    const ConvKernel CONV_BACKWARD_DATA_##ID = {.name = NAME,                                      \
                                                .direction = CONV_BACKWARD_DATA,                   \
                                                .variant = VARIANT,                                \
                                                .fits = fits,                                      \
                                                .create = pass_create,                             \
                                                .load_params = pass_load_params,                   \
                                                .run = run_backward_data,                          \
                                                .destroy = pass_destroy};                          \
    const ConvKernel CONV_BACKWARD_WEIGHTS_##ID = {.name = NAME,                                   \
                                                   .direction = CONV_BACKWARD_WEIGHTS,             \
                                                   .variant = VARIANT,                             \
                                                   .fits = fits,                                   \
                                                   .create = sums_create,                          \
                                                   .run = run_backward_weights,                    \
                                                   .end = end,                                     \
                                                   .destroy = sums_destroy};

KERNELS(1_1, WINOGRAD_1_1, "product")
KERNELS(3_3, WINOGRAD_3_3, "F(3,3)")
KERNELS(4_3, WINOGRAD_4_3, "F(4,3)")
KERNELS(2_5, WINOGRAD_2_5, "F(2,5)")
KERNELS(1_1_BRGEMM, WINOGRAD_1_1 + BRGEMM, "product brgemm")
KERNELS(3_3_BRGEMM, WINOGRAD_3_3 + BRGEMM, "F(3,3) brgemm")
