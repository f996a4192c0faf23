/* tests/golden/dump_model.c -- write a model file and the logits that it gives, for export.py.
 *
 *   dump_model NETWORK CHANNELS SIDE COUNT plain|normalised MODEL DUMP
 *
 * Two steps of training on COUNT pictures of Fashion-MNIST, so that running statistics are not
 * those of the start; three channels are three pictures. MODEL gets the network, DUMP "pixels"
 * (resized, 0 to 255), "images" (what the network takes) and "logits". Exit status 77: the pictures
 * are not there. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/threads/team.h"
#include "core/data/loader/loader.h"
#include "core/models/models.h"
#include "core/net/net.h"
#include "core/train/files/checkpoint.h"
#include "core/train/files/model_info.h"
#include "core/train/init.h"
#include "core/train/optim/optimizer.h"

enum { SKIPPED = 77 };
static const double RATE = 0.01;

typedef struct {
    const Model *model;
    int channels, side, count;
    bool normalised;
    Dataset set;  // `count` pictures in its test split
    Normalization normalization;
    const Batch *batch;
    Loader *loader;
    Graph *graph;
    ParamStore *params;
    Net *net;
    float *pixels, *images, *logits;
} Dump;

/* Channel c of picture i is picture i + c of `from`. */
static void interleave(Dump *d, const Dataset *from)
{
    const size_t plane = shape_count(from->image), channels = (size_t)d->channels;
    uint8_t *pixels = xcalloc((size_t)d->count * channels, plane);
    for (size_t i = 0; i < (size_t)d->count; i++)
        for (size_t p = 0; p < plane; p++)
            for (size_t c = 0; c < channels; c++)
                pixels[(i * plane + p) * channels + c] = from->test.pixels[(i + c) * plane + p];
    d->set = *from;
    d->set.image.channels = d->channels;
    d->set.test.pixels = pixels;
    d->set.test.count = d->count;
}

static bool load(Dump *d, Normalization normalization, float **images, Error *err)
{
    const LoaderConfig config = {
        .batch_size = d->count, .image_size = d->side, .normalization = normalization};
    loader_free(d->loader);
    d->loader = NULL;
    if (!loader_new(&d->set, &d->set.test, config, &d->loader, err))
        return false;
    d->batch = loader_next(d->loader);
    const size_t numbers = (size_t)d->count * (size_t)(d->channels * d->side * d->side);
    *images = xcalloc(numbers, sizeof **images);
    memcpy(*images, d->batch->images, numbers * sizeof **images);
    return true;
}

static bool load_pictures(Dump *d, Error *err)
{
    int32_t *all = xcalloc((size_t)d->count, sizeof *all);
    for (int i = 0; i < d->count; i++)
        all[i] = i;
    if (d->normalised)
        d->normalization = normalization_measure(&d->set.test, d->set.image, all, d->count);
    free(all);
    if (!load(d, (Normalization){0}, &d->pixels, err)
        || !load(d, d->normalization, &d->images, err))
        return false;
    const size_t numbers = (size_t)d->count * (size_t)(d->channels * d->side * d->side);
    for (size_t i = 0; i < numbers; i++)
        d->pixels[i] = roundf(d->pixels[i] * 255);
    return true;
}

/* Weights of deviation sqrt(2 / fan_in), with which a picture's difference from another lasts
 * through all layers: He et al. 2015, equation (10). */
static void start(const Dump *d)
{
    ParamStore *p = d->params;
    init_params(p, init_rule(WEIGHTS_KAIMING_NORMAL_FAN_OUT), 3);
    for (int i = 0; i < p->param_count; i++) {
        const Param *param = &p->params[i];
        const double factor = sqrt((double)param->fan_out / param->fan_in);
        for (size_t k = 0; param->dim_count == 4 && k < param->count; k++)
            p->values[param->offset + k] *= (float)factor;
    }
}

static bool train(Dump *d, Error *err)
{
    d->graph = model_graph(d->model, (Shape){d->channels, d->side, d->side}, d->set.classes, err);
    if (!d->graph || !params_new(d->graph, &d->params, err))
        return false;
    start(d);
    if (!net_new(d->graph, d->params, (NetConfig){.batch_size = d->count}, &d->net, err))
        return false;
    for (int step = 0; step < 2; step++) {
        Metrics ignored = {0};
        const NetBatch batch = {
            .images = d->images, .labels = d->batch->labels, .count = d->count, .step = step};
        if (!net_train_batch(d->net, &batch, &ignored, err))
            return false;
        optimizer_update(&(Optimizer){0}, (UpdateStep){.learning_rate = RATE, .grad_scale = 1},
                         d->params);
        net_params_changed(d->net);
    }
    d->logits = xcalloc((size_t)d->count * (size_t)d->set.classes, sizeof *d->logits);
    return net_forward(d->net, d->images, d->count, d->logits, err);
}

static bool write_files(const Dump *d, const char *model, const char *dump, Error *err)
{
    const ModelInfo info = {.network = d->model->name,
                            .channels = d->channels,
                            .image_size = d->side,
                            .classes = d->set.classes,
                            .class_names = d->set.class_names,
                            .normalization = d->normalization};
    const int dims[] = {d->count, d->channels, d->side, d->side};
    SafeTensor tensors[] = {
        {.name = "pixels", .dim_count = 4, .data = d->pixels},
        {.name = "images", .dim_count = 4, .data = d->images},
        {.name = "logits", .dims = {d->count, d->set.classes}, .dim_count = 2, .data = d->logits},
    };
    memcpy(tensors[0].dims, dims, sizeof dims);
    memcpy(tensors[1].dims, dims, sizeof dims);
    return model_save(model, d->params, &info, err)
           && safetensors_write(dump, tensors, COUNT(tensors), NULL, 0, err);
}

static void dump_free(Dump *d)
{
    net_free(d->net);
    params_free(d->params);
    graph_free(d->graph);
    loader_free(d->loader);
    free((void *)d->set.test.pixels);
    free(d->pixels);
    free(d->images);
    free(d->logits);
}

int main(int argc, char **argv)
{
    Dump d = {.model = argc == 8 ? models_find(argv[1]) : NULL};
    if (!d.model) {
        fprintf(stderr,
                "usage: dump_model NETWORK CHANNELS SIDE COUNT plain|normalised MODEL DUMP\n");
        return 2;
    }
    d.channels = atoi(argv[2]);
    d.side = atoi(argv[3]);
    d.count = atoi(argv[4]);
    d.normalised = strcmp(argv[5], "normalised") == 0;
    Error err = {0};
    Dataset *from = NULL;
    if (!dataset_open("fashion_mnist", NULL, &from, &err)) {
        fprintf(stderr, "dump_model: %s\n", err.message);
        return err.code == ERR_NOT_FOUND ? SKIPPED : 1;
    }
    team_start(0);
    interleave(&d, from);
    const bool ok =
        load_pictures(&d, &err) && train(&d, &err) && write_files(&d, argv[6], argv[7], &err);
    if (!ok)
        fprintf(stderr, "dump_model: %s\n", err.message);
    dump_free(&d);
    dataset_free(from);
    return ok ? 0 : 1;
}
