#include "core/layers/batch_norm.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/kernels/batch_norm.h"
#include "core/layers/layer.h"

enum { WEIGHT, SHIFT, RUNNING_MEAN, RUNNING_VAR, BATCHES, PARAMS };

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const BatchNorm *c = config;
    const int channels = srcs[0].channels;
    if (!(c->eps >= 0))
        return fail(err, ERR_INVALID, "eps must be 0 or more, got %g", c->eps);
    if (!(c->momentum >= 0 && c->momentum <= 1))
        return fail(err, ERR_INVALID, "momentum must be 0 to 1, got %g", c->momentum);
    spec->dst = srcs[0];
    static const struct {
        const char *name;
        ParamRole role;
    } EACH[PARAMS] = {[WEIGHT] = {"weight", ROLE_SCALE},
                      [SHIFT] = {"bias", ROLE_SHIFT},
                      [RUNNING_MEAN] = {"running_mean", ROLE_MEAN},
                      [RUNNING_VAR] = {"running_var", ROLE_VARIANCE},
                      [BATCHES] = {"num_batches_tracked", ROLE_COUNTER}};
    for (int p = 0; p < PARAMS; p++) {
        spec->params[p] = (ParamSpec){.name = EACH[p].name, .role = EACH[p].role};
        if (EACH[p].role != ROLE_COUNTER) {
            spec->params[p].dims[0] = channels;
            spec->params[p].dim_count = 1;
        }
    }
    spec->param_count = PARAMS;
    spec->backward_needs_src = true;
    spec->couples_examples = true;
    spec->by_channel = true;
    return true;
}

/* Padded arrays of a number for each channel. */
typedef struct {
    BatchNormTerms terms;
    float *variance;         // of the batch
    float *sums, *products;  // of the gradients of this part
    double count;            // values of a channel that they are statistics of
    float *numbers;          // all of these
} State;

static bool create(Layer *l, Error *err)
{
    enum { ARRAYS = 8 };
    const size_t padded = batch_norm_padded(l->dst->shape.channels);
    State *s = l->state = xcalloc(1, sizeof *s);
    float *next = s->numbers = xcalloc(ARRAYS * padded, sizeof *next);
    float **const arrays[ARRAYS] = {&s->terms.mean,  &s->terms.factor, &s->terms.shift,
                                    &s->terms.slope, &s->terms.offset, &s->variance,
                                    &s->sums,        &s->products};
    for (int i = 0; i < ARRAYS; i++, next += padded)
        *arrays[i] = next;
    s->terms.relu = ((const BatchNorm *)l->node->config)->relu;
    const size_t doubles = batch_norm_scratch(l->dst->shape.channels, omp_get_max_threads());
    return !l->training || shared_reserve(l->shared, doubles * sizeof(double), err);
}

static void destroy(Layer *l)
{
    State *s = l->state;
    if (!s)
        return;
    free(s->numbers);
    free(s);
}

/* The factor and the shift of each channel, for a variance of it. */
static void set_terms(const Layer *l, const float *variance)
{
    const State *s = l->state;
    const double eps = ((const BatchNorm *)l->node->config)->eps;
    const size_t channels = (size_t)l->dst->shape.channels;
    const float *weight = layer_values(l, WEIGHT);
    for (size_t c = 0; c < channels; c++)
        s->terms.factor[c] = (float)((double)weight[c] / sqrt((double)variance[c] + eps));
    memcpy(s->terms.shift, layer_values(l, SHIFT), channels * sizeof(float));
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    State *s = l->state;
    if (l->training) {
        if (!l->synced) {
            batch_norm_statistics(l->src[0], s->terms.mean, s->variance, l->shared->scratch);
            s->count = (double)tensor_pixels(l->src[0]);
        }
        set_terms(l, s->variance);
    } else {
        memcpy(s->terms.mean, layer_values(l, RUNNING_MEAN),
               (size_t)l->dst->shape.channels * sizeof(float));
        set_terms(l, layer_values(l, RUNNING_VAR));
    }
    batch_norm_values(l->dst, l->src[0], &s->terms);
    return true;
}

static void add_grads(const Layer *l, int param, const float *grads)
{
    float *to = layer_grads(l, param);
    const bool add = grad_accumulators_add(l->shared->grads, to);
    for (size_t c = 0; c < (size_t)l->dst->shape.channels; c++)
        to[c] = grads[c] + (add ? to[c] : 0);
}

/* Of channel c, the variance made safe to divide by. */
static double power_of(const Layer *l, size_t c)
{
    const State *s = l->state;
    return (double)s->variance[c] + ((const BatchNorm *)l->node->config)->eps;
}

/* With z = (src - mean) / deviation, diff_src = factor * (diff_dst - mean of diff_dst - z * mean of
 * diff_dst * z). `sum` and `product` are over the whole batch. */
static void set_slope(const Layer *l, size_t c, double sum, double product)
{
    const State *s = l->state;
    const double factor = (double)s->terms.factor[c];
    s->terms.offset[c] = (float)(-factor * sum / s->count);
    s->terms.slope[c] = (float)(-factor * product / (power_of(l, c) * s->count));
}

static void sum_gradients(const Layer *l)
{
    const State *s = l->state;
    batch_norm_grad_sums(l->diff_dst[0], l->src[0], &s->terms, s->sums, s->products,
                         l->shared->scratch);
}

/* Sums over the batch, which the gradient of src needs as well. */
static bool backward_weights(Layer *l, Error *err)
{
    (void)err;
    const State *s = l->state;
    if (!l->synced)
        sum_gradients(l);
    for (size_t c = 0; c < (size_t)l->dst->shape.channels; c++) {
        if (!l->synced)
            set_slope(l, c, (double)s->sums[c], (double)s->products[c]);
        s->products[c] = (float)((double)s->products[c] / sqrt(power_of(l, c)));
    }
    add_grads(l, WEIGHT, s->products);
    add_grads(l, SHIFT, s->sums);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    const State *s = l->state;
    batch_norm_grad(l->diff_src[0], l->diff_dst[0], l->src[0], &s->terms);
    return true;
}

static void commit(Layer *l)
{
    const State *s = l->state;
    const BatchNorm *config = l->node->config;
    const double m = config->momentum;
    const double unbiased = s->count > 1 ? s->count / (s->count - 1) : 1;
    float *mean = layer_values(l, RUNNING_MEAN), *variance = layer_values(l, RUNNING_VAR);
    for (size_t c = 0; c < (size_t)l->dst->shape.channels; c++) {
        mean[c] = (float)((1 - m) * (double)mean[c] + m * (double)s->terms.mean[c]);
        variance[c] =
            (float)((1 - m) * (double)variance[c] + m * unbiased * (double)s->variance[c]);
    }
    int64_t *batches = l->params->counters + layer_param(l, BATCHES)->offset;
    for (int i = 0; i < config->counters; i++)
        batches[i]++;
}

/* ---- Statistics of a batch that several programs compute ---- */

/* Two padded arrays: mean and variance, or the sums of gradients. */
static size_t sync_count(const GraphNode *node)
{
    return 2 * batch_norm_padded(node->spec.dst.channels);
}

static void forward_numbers(Layer *l, float *numbers)
{
    const size_t padded = batch_norm_padded(l->dst->shape.channels);
    batch_norm_statistics(l->src[0], numbers, numbers + padded, l->shared->scratch);
}

static double pixels_of(const Layer *l, int examples)
{
    return (double)examples * l->dst->shape.height * l->dst->shape.width;
}

/* The mean of the parts' means; their variances, and how far their means lie from it. */
static void set_forward(Layer *l, const PartNumbers *all)
{
    State *s = l->state;
    const size_t padded = batch_norm_padded(l->dst->shape.channels);
    s->count = 0;
    for (int p = 0; p < all->parts; p++)
        s->count += pixels_of(l, all->examples[p]);
    for (size_t c = 0; c < (size_t)l->dst->shape.channels; c++) {
        double mean = 0, variance = 0;
        for (int p = 0; p < all->parts; p++)
            if (all->examples[p] > 0)
                mean += pixels_of(l, all->examples[p]) / s->count
                        * (double)all->numbers[2 * padded * (size_t)p + c];
        for (int p = 0; p < all->parts; p++) {
            const float *of = all->numbers + 2 * padded * (size_t)p;
            const double distance = (double)of[c] - mean;
            if (all->examples[p] > 0)
                variance += pixels_of(l, all->examples[p]) / s->count
                            * ((double)of[padded + c] + distance * distance);
        }
        s->terms.mean[c] = (float)mean;
        s->variance[c] = (float)variance;
    }
}

static void backward_numbers(Layer *l, float *numbers)
{
    const State *s = l->state;
    const size_t padded = batch_norm_padded(l->dst->shape.channels);
    sum_gradients(l);
    memcpy(numbers, s->sums, padded * sizeof *numbers);
    memcpy(numbers + padded, s->products, padded * sizeof *numbers);
}

static void set_backward(Layer *l, const PartNumbers *all)
{
    const size_t padded = batch_norm_padded(l->dst->shape.channels);
    for (size_t c = 0; c < (size_t)l->dst->shape.channels; c++) {
        double sum = 0, product = 0;
        for (int p = 0; p < all->parts; p++) {
            const float *of = all->numbers + 2 * padded * (size_t)p;
            if (all->examples[p] > 0) {
                sum += (double)of[c];
                product += (double)of[padded + c];
            }
        }
        set_slope(l, c, sum, product);
    }
}

static const LayerSync SYNC = {.count = sync_count,
                               .forward_numbers = forward_numbers,
                               .set_forward = set_forward,
                               .backward_numbers = backward_numbers,
                               .set_backward = set_backward};

static const LayerOps OPS = {
    .create = create,
    .forward = forward,
    .backward_weights = backward_weights,
    .backward_data = backward_data,
    .commit = commit,
    .destroy = destroy,
    .strided_dst = true,
    .sync = &SYNC,
};

const LayerType BATCH_NORM = {
    .name = "batch_norm", .config_bytes = sizeof(BatchNorm), .describe = describe, .ops = &OPS};

Node batch_norm(Graph *g, Node src, const char *name, BatchNorm c)
{
    c.eps = c.eps == 0 ? 1e-5 : c.eps;
    c.momentum = c.momentum == 0 ? 0.1 : c.momentum;
    c.counters = c.counters == 0 ? 1 : c.counters;
    return graph_add(g, name, &BATCH_NORM, &c, &src, 1);
}
