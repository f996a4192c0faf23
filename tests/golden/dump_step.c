/* tests/golden/dump_step.c -- write one training step of ours for reference.py --check.
 *
 *   dump_step MODEL SIDE BATCH SEED FILE
 *
 * Initial weights by the chapter's rule, one batch of noise, 1 channel, 10 classes; FILE gets them
 * with the logits, the loss and every gradient, under the names that reference.py tells. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/models/models.h"
#include "core/net/net.h"
#include "core/train/init.h"
#include "core/train/safetensors.h"

enum { CLASSES = 10 };

typedef struct {
    Graph *graph;
    ParamStore *params;
    Net *net;
    int side, batch;
    uint64_t seed;
    float *images, *logits;
    int32_t *labels;
    float *float_labels;  // the file knows float32 only
    float loss;
} Step;

static bool step_run(Step *s, const Model *model, Error *err)
{
    const size_t pixels = (size_t)s->batch * (size_t)s->side * (size_t)s->side;
    s->images = xcalloc(pixels, sizeof *s->images);
    s->logits = xcalloc((size_t)s->batch * CLASSES, sizeof *s->logits);
    s->labels = xcalloc((size_t)s->batch, sizeof *s->labels);
    s->float_labels = xcalloc((size_t)s->batch, sizeof *s->float_labels);
    Rng rng = rng_new(s->seed, RNG_TEST, 0);
    for (size_t i = 0; i < pixels; i++)
        s->images[i] = (float)rng_uniform(&rng);
    for (int i = 0; i < s->batch; i++) {
        s->labels[i] = (int32_t)rng_below(&rng, CLASSES);
        s->float_labels[i] = (float)s->labels[i];
    }

    s->graph = model_graph(model, (Shape){1, s->side, s->side}, CLASSES, err);
    if (!s->graph || !params_new(s->graph, &s->params, err))
        return false;
    init_params(s->params, init_rule(model->weights), s->seed);
    const NetConfig config = {.batch_size = s->batch};
    const NetBatch batch = {.images = s->images, .labels = s->labels, .count = s->batch};
    Metrics sum = {0};
    if (!net_new(s->graph, s->params, config, &s->net, err)
        || !net_forward(s->net, s->images, s->batch, s->logits, err)
        || !net_train_batch(s->net, &batch, &sum, err))
        return false;
    s->loss = (float)metrics_loss(&sum);
    return true;
}

/* The parameters, the gradients of those that are trained, and what went in and came out. Returns
 * how many tensors; the names of gradients are to be freed. */
static size_t step_tensors(const Step *s, SafeTensor *tensors)
{
    const ParamStore *store = s->params;
    size_t count = 0;
    for (int i = 0; i < store->param_count; i++) {
        const Param *p = &store->params[i];
        SafeTensor t = {.name = p->name, .dim_count = p->dim_count};
        memcpy(t.dims, p->dims, sizeof t.dims);
        if (p->role == ROLE_COUNTER) {
            t.type = SAFE_I64;
            t.integers = store->counters + p->offset;
        } else {
            t.data = store->values + p->offset;
        }
        tensors[count++] = t;
        if (!role_is_trained(p->role))
            continue;
        t.name = xasprintf("grad.%s", p->name);
        t.data = store->grads + p->offset;
        tensors[count++] = t;
    }
    const SafeTensor rest[] = {
        {.name = "images.0",
         .dims = {s->batch, 1, s->side, s->side},
         .dim_count = 4,
         .data = s->images},
        {.name = "labels.0", .dims = {s->batch}, .dim_count = 1, .data = s->float_labels},
        {.name = "logits", .dims = {s->batch, CLASSES}, .dim_count = 2, .data = s->logits},
        {.name = "loss", .dims = {1}, .dim_count = 1, .data = &s->loss},
    };
    memcpy(tensors + count, rest, sizeof rest);
    return count + COUNT(rest);
}

static bool step_write(const Step *s, const Model *model, const char *path, Error *err)
{
    SafeTensor *tensors = xcalloc(2 * (size_t)s->params->param_count + 4, sizeof *tensors);
    const size_t count = step_tensors(s, tensors);
    const bool ok =
        safetensors_write(path, tensors, count, &(SafeMeta){"model", model->name}, 1, err);
    for (size_t i = 0; i < count; i++)
        if (strncmp(tensors[i].name, "grad.", 5) == 0)
            free((void *)tensors[i].name);
    free(tensors);
    return ok;
}

int main(int argc, char **argv)
{
    const Model *model = argc == 6 ? models_find(argv[1]) : NULL;
    Step s = {0};
    if (model) {
        s.side = atoi(argv[2]);
        s.batch = atoi(argv[3]);
        s.seed = strtoull(argv[4], NULL, 10);
    }
    if (!model || s.batch < 1 || s.batch > 4096) {
        fprintf(stderr, "usage: dump_step MODEL SIDE BATCH SEED FILE\n");
        return 2;
    }
    Error err = {0};
    const bool ok = step_run(&s, model, &err) && step_write(&s, model, argv[5], &err);
    if (!ok)
        fprintf(stderr, "dump_step: %s\n", err.message);
    net_free(s.net);
    params_free(s.params);
    graph_free(s.graph);
    free(s.images);
    free(s.logits);
    free(s.labels);
    free(s.float_labels);
    return ok ? 0 : 1;
}
