/* core/train/trainer/trainer_sizes.c -- nets for the image sizes of a training that grows them.
 *
 * Trainer.net is that of the final size, which evaluates as well. Beside it there is at most one
 * for a smaller size, that of the epoch under way; the weights are common to all. Kernels for every
 * size are chosen before the first step, so that a net that is made later measures nothing. */
#include "core/train/trainer/trainer_sizes.h"

#include "core/train/trainer/trainer_new.h"
#include "core/train/trainer/trainer_shards.h"

Graph *trainer_graph(const Trainer *t, int size, Error *err)
{
    const TrainConfig *c = &t->config;
    const Shape image = {c->dataset->image.channels, size, size};
    const ModelOptions options = {.classes = c->dataset->classes, .blocks = &c->blocks};
    return model_graph_with(c->model, image, options, err);
}

static void drop_small(Trainer *t)
{
    net_free(t->small);
    graph_free(t->small_graph);
    t->small = NULL;
    t->small_graph = NULL;
    t->small_size = 0;
}

Net *trainer_net(Trainer *t, int size, Error *err)
{
    if (size == t->config.image_size)
        return t->net;
    if (size == t->small_size)
        return t->small;
    drop_small(t);
    t->small_graph = trainer_graph(t, size, err);
    if (!t->small_graph
        || !net_new(t->small_graph, t->params, trainer_net_config(t), &t->small, err)) {
        drop_small(t);
        return NULL;
    }
    t->small_size = size;
    return t->small;
}

void trainer_params_changed(Trainer *t)
{
    net_params_changed(t->net);
    if (t->small)
        net_params_changed(t->small);
}

void trainer_free_nets(Trainer *t)
{
    drop_small(t);
    net_free(t->net);
}

/* The first epoch from `epoch` on that has another size than `size`; -1: there is none. */
static int64_t next_size(const Trainer *t, int64_t epoch, int *size)
{
    const TrainConfig *c = &t->config;
    const int before = *size;
    for (; epoch < c->epochs && epoch <= c->progressive.until_epoch; epoch++) {
        *size = progressive_size(&c->progressive, c->image_size, epoch);
        if (*size != before)
            return epoch;
    }
    return -1;
}

bool trainer_check_sizes(const Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    if (!progressive_check(&c->progressive, c->image_size, err))
        return false;
    int size = c->image_size;
    for (int64_t epoch = 0; (epoch = next_size(t, epoch, &size)) >= 0;) {
        Graph *g = trainer_graph(t, size, err);
        const bool same = g && graph_same_parameters(g, t->graph);
        graph_free(g);
        if (!g)
            return false;
        if (!same)
            return fail(err, ERR_INVALID,
                        "progressive_resizing needs weights that fit every image size; those of %s "
                        "do not",
                        c->model->name);
    }
    return true;
}

bool trainer_prepare_sizes(Trainer *t, Error *err)
{
    int size = t->config.image_size;
    for (int64_t epoch = t->state.epoch; (epoch = next_size(t, epoch, &size)) >= 0;) {
        Net *net = trainer_net(t, size, err);
        if (!net || !trainer_prepare_training(t, net, err))
            return false;
    }
    return true;
}
