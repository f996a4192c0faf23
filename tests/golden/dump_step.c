/* tests/golden/dump_step.c -- write one training step of ours for reference.py --check.
 *
 *   dump_step MODEL SIDE BATCH SEED FILE
 *
 * Initial weights by the chapter's rule, one batch of noise, 1 channel, 10 classes; FILE gets them
 * with the logits, the loss and every gradient, under the names that reference.py tells. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
    init_params(s->params, init_xavier_uniform, s->seed);
    const NetConfig config = {.batch_size = s->batch};
    Metrics sum = {0};
    if (!net_new(s->graph, s->params, config, &s->net, err)
        || !net_forward(s->net, s->images, s->batch, s->logits, err)
        || !net_train_batch(s->net, s->images, s->labels, s->batch, &sum, err))
        return false;
    s->loss = (float)metrics_loss(&sum);
    return true;
}

static bool step_write(const Step *s, const Model *model, const char *path, Error *err)
{
    const size_t params = (size_t)s->params->param_count, count = 2 * params + 4;
    SafeTensor *tensors = xcalloc(count, sizeof *tensors);
    char **grad_names = xcalloc(params, sizeof *grad_names);
    for (size_t i = 0; i < params; i++) {
        const Param *p = &s->params->params[i];
        SafeTensor value = {.name = p->name, .dim_count = p->dim_count};
        for (int d = 0; d < p->dim_count; d++)
            value.dims[d] = p->dims[d];
        value.data = s->params->values + p->offset;
        tensors[i] = value;
        value.name = grad_names[i] = xasprintf("grad.%s", p->name);
        value.data = s->params->grads + p->offset;
        tensors[params + i] = value;
    }
    tensors[count - 4] = (SafeTensor){"images.0", {s->batch, 1, s->side, s->side}, 4, s->images};
    tensors[count - 3] = (SafeTensor){"labels.0", {s->batch}, 1, s->float_labels};
    tensors[count - 2] = (SafeTensor){"logits", {s->batch, CLASSES}, 2, s->logits};
    tensors[count - 1] = (SafeTensor){"loss", {1}, 1, &s->loss};
    const bool ok =
        safetensors_write(path, tensors, count, &(SafeMeta){"model", model->name}, 1, err);
    for (size_t i = 0; i < params; i++)
        free(grad_names[i]);
    free(grad_names);
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
