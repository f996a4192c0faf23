#include "core/layers/conv.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "core/autotune/autotune.h"
#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/kernels/relu_mask.h"
#include "core/layers/conv_kernel.h"
#include "core/layers/weighted.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Conv *c = config;
    const Shape src = srcs[0];
    if (c->out < 1)
        return fail(err, ERR_INVALID, "output channels must be 1 or more, got %d", c->out);
    if (c->kernel < 1)
        return fail(err, ERR_INVALID, "kernel must be 1 or more, got %d", c->kernel);
    if (c->stride < 1)
        return fail(err, ERR_INVALID, "stride must be 1 or more, got %d", c->stride);
    if (c->pad < 0)
        return fail(err, ERR_INVALID, "pad must be 0 or more, got %d", c->pad);
    if (c->kernel > src.height + 2 * c->pad || c->kernel > src.width + 2 * c->pad)
        return fail(err, ERR_INVALID, "kernel %d is larger than the padded image of %d x %d",
                    c->kernel, src.height + 2 * c->pad, src.width + 2 * c->pad);
    const int taps = c->kernel * c->kernel;
    spec->dst = (Shape){c->out, (src.height + 2 * c->pad - c->kernel) / c->stride + 1,
                        (src.width + 2 * c->pad - c->kernel) / c->stride + 1};
    spec->params[0] = (ParamSpec){.name = "weight",
                                  .dims = {c->out, src.channels, c->kernel, c->kernel},
                                  .dim_count = 4,
                                  .fan_in = src.channels * taps,
                                  .fan_out = c->out * taps};
    spec->params[1] = (ParamSpec){.name = "bias",
                                  .dims = {c->out},
                                  .dim_count = 1,
                                  .fan_in = src.channels * taps,
                                  .fan_out = c->out * taps};
    spec->param_count = 2;
    spec->multiply_adds = (int64_t)shape_count(spec->dst) * src.channels * taps;
    spec->backward_needs_src = true;
    spec->backward_needs_dst = c->relu && !c->masked;
    return true;
}

/* DESIGN. Each direction of a convolution runs on the library's primitive or on one of KERNELS,
 * whichever was measured to be faster for this shape. At creation all that fit are made; as soon as
 * there is memory to run in, `choose` times them, keeps the fastest and frees the others. A layer
 * whose choice is known makes only that one. Without choices the library computes everything. */

static const ConvKernel *const KERNELS[] = {CONV_WINOGRAD_KERNELS, CONV_PATCHES_KERNELS};

enum { MAX_RIVALS = 6, RUNS = 4 };

typedef struct {
    const ConvKernel *kernel;
    void *state;
} Rival;

typedef struct {
    Weighted library;  // first: the library's functions take it for the layer's state
    Rival rivals[CONV_DIRECTIONS][MAX_RIVALS];
    int rival_count[CONV_DIRECTIONS];
    bool chosen[CONV_DIRECTIONS];  // one is left: the rival, or the library if there is none
} ConvState;

/* ---- Who takes part ---- */

static const char LIBRARY[] = "oneDNN";

static void key_of(const Layer *l, ConvDirection d, char key[AUTOTUNE_KEY])
{
    static const char *const NAMES[] = {"forward", "backward data", "backward weights"};
    const Conv *c = l->node->config;
    const Shape src = l->src[0]->shape;
    snprintf(key, AUTOTUNE_KEY, "%s %dx%d/%d+%d %dx%dx%d-%d %s, %d threads", NAMES[d], c->kernel,
             c->kernel, c->stride, c->pad, src.channels, src.height, src.width, c->out,
             l->src[0]->type == dnnl_f32 ? "f32" : "bf16", omp_get_max_threads());
}

static bool takes_part(const Layer *l, const ConvKernel *k, ConvDirection d, const char *known)
{
    return k->direction == d && (!known || strcmp(known, k->name) == 0) && k->fits(k, l);
}

static bool is_available(const Layer *l, ConvDirection d, const char *name)
{
    bool found = strcmp(name, LIBRARY) == 0;
    for (size_t i = 0; i < COUNT(KERNELS); i++)
        found |= takes_part(l, KERNELS[i], d, name);
    return found;
}

static bool create_rivals(Layer *l, ConvDirection d, Error *err)
{
    ConvState *s = l->state;
    char key[AUTOTUNE_KEY];
    key_of(l, d, key);
    const char *known = autotune_kernel(l->autotune, key);
    if (known && !is_available(l, d, known)) {
        autotune_reject(l->autotune, key);
        known = NULL;
    }
    for (size_t i = 0; i < COUNT(KERNELS) && s->rival_count[d] < MAX_RIVALS; i++) {
        if (!takes_part(l, KERNELS[i], d, known))
            continue;
        Rival *r = &s->rivals[d][s->rival_count[d]];
        r->kernel = KERNELS[i];
        if (!r->kernel->create(r->kernel, l, &r->state, err))
            return false;
        s->rival_count[d]++;
    }
    s->chosen[d] = known || s->rival_count[d] == 0;
    if (known && s->rival_count[d] > 0)
        weighted_drop(l, (int)d);
    return true;
}

static bool create(Layer *l, Error *err)
{
    if (!conv_library_create(l, sizeof(ConvState), err))
        return false;
    for (ConvDirection d = 0; l->autotune && d < CONV_DIRECTIONS; d++) {
        const bool needed =
            d == CONV_FORWARD || (l->training && (d == CONV_BACKWARD_WEIGHTS || l->diff_src[0]));
        if (needed && !create_rivals(l, d, err))
            return false;
    }
    return true;
}

static void destroy(Layer *l)
{
    ConvState *s = l->state;
    for (ConvDirection d = 0; s && d < CONV_DIRECTIONS; d++) {
        for (int i = 0; i < s->rival_count[d]; i++)
            s->rivals[d][i].kernel->destroy(l, s->rivals[d][i].state);
    }
    weighted_destroy(l);
}

/* ---- The choice ---- */

static bool run_direction(Layer *l, ConvDirection d, const Rival *r, Error *err)
{
    if (r)
        return r->kernel->run(l, r->state, err);
    switch (d) {
    case CONV_FORWARD:
        return weighted_forward(l, err);
    case CONV_BACKWARD_DATA:
        return weighted_backward_data(l, err);
    case CONV_BACKWARD_WEIGHTS:
        return weighted_backward_weights(l, false, err);
    case CONV_DIRECTIONS:
        break;
    }
    return false;
}

/* The least of a few times: of a run, and of what is done once for several runs, which is loading
 * the parameters, and bringing gradients to the store. That also leaves nothing in the rival's
 * sums. */
typedef struct {
    double run, once;
} Timing;

/* One more time; the library's kernel where `r` is NULL. */
static bool time_rival(Layer *l, ConvDirection d, const Rival *r, Timing *least, Error *err)
{
    const double start = clock_seconds();
    if (r && r->kernel->load_params && !r->kernel->load_params(l, r->state, true, err))
        return false;
    const double loaded = clock_seconds();
    if (!run_direction(l, d, r, err))
        return false;
    const double ran = clock_seconds();
    if (r && r->kernel->end)
        r->kernel->end(l, r->state, false);
    const double end = clock_seconds();
    least->run = fmin(least->run, ran - loaded);
    least->once = fmin(least->once, loaded - start + end - ran);
    return true;
}

/* The rivals take turns, so that whoever takes the machine for a while takes it from all, and so
 * that each finds the cache as in a step: full of other things. NULL in *best: the library. */
static bool find_fastest(Layer *l, ConvDirection d, const char *key, const Rival **best, Error *err)
{
    const ConvState *s = l->state;
    const Rival *all[1 + MAX_RIVALS];
    Timing timings[1 + MAX_RIVALS];
    const int count = 1 + s->rival_count[d];
    for (int i = 0; i < count; i++) {
        all[i] = i > 0 ? &s->rivals[d][i - 1] : NULL;
        timings[i] = (Timing){INFINITY, INFINITY};
    }
    for (int i = 0; i < RUNS * count; i++) {
        if (!time_rival(l, d, all[i % count], &timings[i % count], err))
            return false;
    }
    AutotuneTime times[1 + MAX_RIVALS];
    for (int i = 0; i < count; i++)
        times[i] = (AutotuneTime){all[i] ? all[i]->kernel->name : LIBRARY,
                                  1e6 * (timings[i].run + timings[i].once / l->runs_per_load)};
    const char *name = autotune_decide(l->autotune, key, times, count, true);
    for (int i = 0; i < count; i++) {
        if (strcmp(times[i].kernel, name) == 0)
            *best = all[i];
    }
    return true;
}

static bool choose_direction(Layer *l, ConvDirection d, Error *err)
{
    ConvState *s = l->state;
    const Rival *best = NULL;
    char key[AUTOTUNE_KEY];
    key_of(l, d, key);
    if (!find_fastest(l, d, key, &best, err))
        return false;
    if (best)
        weighted_drop(l, (int)d);
    const Rival kept = best ? *best : (Rival){0};
    for (int i = 0; i < s->rival_count[d]; i++) {
        const Rival *r = &s->rivals[d][i];
        if (r != best)
            r->kernel->destroy(l, r->state);
    }
    s->rivals[d][0] = kept;
    s->rival_count[d] = best ? 1 : 0;
    s->chosen[d] = true;
    return true;
}

static bool choose(Layer *l, Error *err)
{
    const ConvState *s = l->state;
    for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++) {
        if (s->rival_count[d] > 0 && !s->chosen[d] && !choose_direction(l, d, err))
            return false;
    }
    return true;
}

/* ---- Running ---- */

static const Rival *chosen(const Layer *l, ConvDirection d)
{
    const ConvState *s = l->state;
    return s->rival_count[d] > 0 ? &s->rivals[d][0] : NULL;
}

static bool load_params(Layer *l, Error *err)
{
    for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++) {
        const Rival *r = chosen(l, d);
        if (r && r->kernel->load_params && !r->kernel->load_params(l, r->state, false, err))
            return false;
    }
    return weighted_load_params(l, err);
}

static bool forward(Layer *l, Error *err)
{
    return run_direction(l, CONV_FORWARD, chosen(l, CONV_FORWARD), err);
}

static bool backward_data(Layer *l, Error *err)
{
    return run_direction(l, CONV_BACKWARD_DATA, chosen(l, CONV_BACKWARD_DATA), err);
}

static bool backward_weights(Layer *l, bool accumulate, Error *err)
{
    const Rival *r = chosen(l, CONV_BACKWARD_WEIGHTS);
    return r ? r->kernel->run(l, r->state, err) : weighted_backward_weights(l, accumulate, err);
}

static bool backward_end(Layer *l, bool accumulate, Error *err)
{
    const Rival *r = chosen(l, CONV_BACKWARD_WEIGHTS);
    (void)err;
    if (r)
        r->kernel->end(l, r->state, accumulate);
    return true;
}

static const char *kernel_name(const Layer *l, ConvDirection d)
{
    const Rival *r = chosen(l, d);
    return r ? r->kernel->name : LIBRARY;
}

static void name_kernels(const Layer *l, const char *names[3])
{
    for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++)
        names[d] = kernel_name(l, d);
}

static bool backward_begin(Layer *l, Error *err)
{
    (void)err;
    const Conv *c = l->node->config;
    if (c->relu && !c->masked)
        relu_mask(l->diff_dst[0], l->dst);
    return true;
}

static const LayerOps OPS = {
    .create = create,
    .choose = choose,
    .load_params = load_params,
    .forward = forward,
    .backward_begin = backward_begin,
    .backward_weights = backward_weights,
    .backward_data = backward_data,
    .backward_end = backward_end,
    .name_kernels = name_kernels,
    .destroy = destroy,
};

const LayerType CONV = {
    .name = "conv", .config_bytes = sizeof(Conv), .describe = describe, .ops = &OPS};

Node conv(Graph *g, Node src, const char *name, Conv c)
{
    if (c.stride == 0)
        c.stride = 1;
    return graph_add(g, name, &CONV, &c, &src, 1);
}
