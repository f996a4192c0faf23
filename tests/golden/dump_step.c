/* tests/golden/dump_step.c -- write two training steps of ours for reference.py --check.
 *
 *   dump_step MODEL CHANNELS SIDE BATCH SEED FILE [WEIGHTS]
 *
 * Initial weights by the model's rule, or from the file WEIGHTS; one batch of noise, 10 classes.
 * FILE gets them with the logits, the loss, every gradient, and what two steps leave behind, under
 * the names that reference.py tells. Without dropout: its masks are ours alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/rng.h"
#include "core/layers/dropout.h"
#include "core/models/models.h"
#include "core/net/net.h"
#include "core/train/files/checkpoint.h"
#include "core/train/files/safetensors.h"
#include "core/train/init.h"
#include "core/train/optim/optimizer.h"
#include "tests/core/train/files/read_model.h"

enum { CLASSES = 10 };
static const double RATE = 0.01;

typedef struct {
    Graph *graph;
    ParamStore *params;
    Net *net;
    const char *weights;  // NULL: drawn by the seed
    int channels, side, batch;
    uint64_t seed;
    float *images, *logits, *after_logits;
    int32_t *labels;
    float *float_labels;   // the file knows float32 and whole numbers of 64 bits only
    float *start, *grads;  // the values before the first step, and the gradients of it
    int64_t *start_counters;
    float loss;
} Step;

static void *copy_of(const void *numbers, size_t count, size_t size)
{
    void *copy = xcalloc(count, size);
    memcpy(copy, numbers, count * size);
    return copy;
}

/* Squares of even brightness under noise: images that differ from one another, so that no
 * normalisation divides by next to nothing. */
static void fill_images(const Step *s, Rng *rng)
{
    enum { SQUARES = 4 };
    float *pixel = s->images;
    for (int plane = 0; plane < s->batch * s->channels; plane++) {
        float squares[SQUARES][SQUARES];
        for (int i = 0; i < SQUARES * SQUARES; i++)
            squares[i / SQUARES][i % SQUARES] = (float)rng_uniform(rng);
        for (int i = 0; i < s->side * s->side; i++) {
            const int row = i / s->side * SQUARES / s->side,
                      column = i % s->side * SQUARES / s->side;
            *pixel++ = 0.7F * squares[row][column] + 0.3F * (float)rng_uniform(rng);
        }
    }
}

/* Start normalisations so that few of their results come near 0, where a ReLU's gradient jumps by
 * the last bit of a sum: what is left are the gradients of everything else. */
static void calm_normalisations(const Step *s)
{
    Rng rng = rng_new(s->seed, RNG_TEST, 1);
    for (int i = 0; i < s->params->param_count; i++) {
        const Param *p = &s->params->params[i];
        const double from = p->role == ROLE_SCALE ? 0.2 : 0.8,
                     to = p->role == ROLE_SCALE ? 0.3 : 1.2;
        const bool calmed = p->role == ROLE_SCALE || p->role == ROLE_SHIFT;
        for (size_t k = 0; calmed && k < p->count; k++)
            s->params->values[p->offset + k] = (float)(from + (to - from) * rng_uniform(&rng));
    }
}

static void make_batch(Step *s)
{
    const size_t planes = (size_t)s->batch * (size_t)s->channels;
    s->images = xcalloc(planes * (size_t)(s->side * s->side), sizeof *s->images);
    s->logits = xcalloc((size_t)s->batch * CLASSES, sizeof *s->logits);
    s->after_logits = xcalloc((size_t)s->batch * CLASSES, sizeof *s->after_logits);
    s->labels = xcalloc((size_t)s->batch, sizeof *s->labels);
    s->float_labels = xcalloc((size_t)s->batch, sizeof *s->float_labels);
    Rng rng = rng_new(s->seed, RNG_TEST, 0);
    fill_images(s, &rng);
    for (int i = 0; i < s->batch; i++) {
        s->labels[i] = (int32_t)rng_below(&rng, CLASSES);
        s->float_labels[i] = (float)s->labels[i];
    }
}

/* A dropout of rate 0 is the identity. */
static void leave_dropout_out(const Graph *g)
{
    for (Node n = 1; n < graph_node_count(g); n++)
        if (graph_node(g, n)->type == &DROPOUT)
            ((Dropout *)graph_node(g, n)->config)->rate = 0;
}

static bool make_net(Step *s, const Model *model, Error *err)
{
    s->graph = model_graph(model, (Shape){s->channels, s->side, s->side}, CLASSES, err);
    if (!s->graph || !params_new(s->graph, &s->params, err))
        return false;
    leave_dropout_out(s->graph);
    init_params(s->params, init_rule(model->weights), s->seed);
    calm_normalisations(s);
    const NetConfig config = {.batch_size = s->batch};
    return (!s->weights || read_model(s->weights, s->params, model->left_out, err))
           && net_new(s->graph, s->params, config, &s->net, err);
}

static bool train(const Step *s, int64_t step, Metrics *sum, Error *err)
{
    const NetBatch batch = {
        .images = s->images, .labels = s->labels, .count = s->batch, .step = step};
    return net_train_batch(s->net, &batch, sum, err);
}

static void update(const Step *s)
{
    optimizer_update(&(Optimizer){0}, (UpdateStep){.learning_rate = RATE, .grad_scale = 1},
                     s->params);
    net_params_changed(s->net);
}

static bool step_run(Step *s, const Model *model, Error *err)
{
    make_batch(s);
    if (!make_net(s, model, err))
        return false;
    const ParamStore *p = s->params;
    s->start = copy_of(p->values, p->count, sizeof *p->values);
    s->start_counters = copy_of(p->counters, p->counter_count, sizeof *p->counters);
    Metrics sum = {0}, ignored = {0};
    if (!net_forward(s->net, s->images, s->batch, s->logits, err) || !train(s, 0, &sum, err))
        return false;
    s->loss = (float)metrics_loss(&sum);
    s->grads = copy_of(p->grads, p->trained_count, sizeof *p->grads);
    update(s);
    if (!train(s, 1, &ignored, err))
        return false;
    update(s);
    return net_forward(s->net, s->images, s->batch, s->after_logits, err);
}

static SafeTensor tensor_of(const Param *p, char *name, const float *values,
                            const int64_t *counters)
{
    SafeTensor t = {.name = name, .dim_count = p->dim_count};
    memcpy(t.dims, p->dims, sizeof t.dims);
    if (p->role == ROLE_COUNTER) {
        t.type = SAFE_I64;
        t.integers = counters + p->offset;
    } else {
        t.data = values + p->offset;
    }
    return t;
}

/* Two of each parameter, and what went in and came out. Returns how many; all but the last five
 * names are to be freed. */
enum { OTHERS = 5 };
static size_t step_tensors(const Step *s, SafeTensor *tensors)
{
    const ParamStore *store = s->params;
    size_t count = 0;
    for (int i = 0; i < store->param_count; i++) {
        const Param *p = &store->params[i];
        tensors[count++] = tensor_of(p, xstrdup(p->name), s->start, s->start_counters);
        const bool trained = role_is_trained(p->role);
        tensors[count++] = tensor_of(p, xasprintf("%s.%s", trained ? "grad" : "after", p->name),
                                     trained ? s->grads : store->values, store->counters);
    }
    const SafeTensor rest[OTHERS] = {
        {.name = "images.0",
         .dims = {s->batch, s->channels, s->side, s->side},
         .dim_count = 4,
         .data = s->images},
        {.name = "labels.0", .dims = {s->batch}, .dim_count = 1, .data = s->float_labels},
        {.name = "logits", .dims = {s->batch, CLASSES}, .dim_count = 2, .data = s->logits},
        {.name = "loss", .dims = {1}, .dim_count = 1, .data = &s->loss},
        {.name = "after.logits",
         .dims = {s->batch, CLASSES},
         .dim_count = 2,
         .data = s->after_logits},
    };
    memcpy(tensors + count, rest, sizeof rest);
    return count + OTHERS;
}

static bool step_write(const Step *s, const Model *model, const char *path, Error *err)
{
    SafeTensor *tensors = xcalloc(2 * (size_t)s->params->param_count + OTHERS, sizeof *tensors);
    const size_t count = step_tensors(s, tensors);
    const bool ok =
        safetensors_write(path, tensors, count, &(SafeMeta){"model", model->name}, 1, err);
    for (size_t i = 0; i < count - OTHERS; i++)
        free((void *)tensors[i].name);
    free(tensors);
    return ok;
}

static void step_free(Step *s)
{
    net_free(s->net);
    params_free(s->params);
    graph_free(s->graph);
    free(s->images);
    free(s->logits);
    free(s->after_logits);
    free(s->labels);
    free(s->float_labels);
    free(s->start);
    free(s->grads);
    free(s->start_counters);
}

int main(int argc, char **argv)
{
    const Model *model = argc == 7 || argc == 8 ? models_find(argv[1]) : NULL;
    Step s = {0};
    if (model) {
        s.channels = atoi(argv[2]);
        s.side = atoi(argv[3]);
        s.batch = atoi(argv[4]);
        s.seed = strtoull(argv[5], NULL, 10);
        s.weights = argv[7];
    }
    if (!model || s.batch < 1 || s.batch > 4096) {
        fprintf(stderr, "usage: dump_step MODEL CHANNELS SIDE BATCH SEED FILE [WEIGHTS]\n");
        return 2;
    }
    Error err = {0};
    const bool ok = step_run(&s, model, &err) && step_write(&s, model, argv[6], &err);
    if (!ok)
        fprintf(stderr, "dump_step: %s\n", err.message);
    step_free(&s);
    return ok ? 0 : 1;
}
