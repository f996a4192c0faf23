#include "core/train/trainer/trainer_data.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/train/trainer/trainer_shards.h"

int trainer_examples(const Split *split, int limit)
{
    return limit > 0 && limit < split->count ? limit : split->count;
}

bool trainer_hold_out(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const Split *train = &c->dataset->train;
    if (!holdout_new(train, trainer_examples(train, c->train_limit), c->dataset->classes,
                     c->validation_split, c->seed, &t->holdout, err))
        return false;
    t->class_weights = class_weights_new(c->class_weights, train, t->holdout.train,
                                         t->holdout.train_count, c->dataset->classes);
    return true;
}

static bool normalizations_equal(const Normalization *a, const Normalization *b)
{
    bool equal = a->channels == b->channels;
    for (int c = 0; equal && c < a->channels; c++)
        equal = a->mean[c] == b->mean[c] && a->deviation[c] == b->deviation[c];
    return equal;
}

static Normalization measure(const Trainer *t)
{
    const TrainConfig *c = &t->config;
    return normalization_measure(&c->dataset->train, c->dataset->image, t->holdout.train,
                                 t->holdout.train_count);
}

static bool check_given(const TrainConfig *c, Error *err)
{
    const int channels = c->dataset->image.channels;
    const Normalization *n = &c->normalization;
    if (c->normalization_type != NORMALIZATION_NONE && channels > NORMALIZATION_MAX_CHANNELS)
        return fail(err, ERR_INVALID, "normalization takes at most %d channels, the images have %d",
                    NORMALIZATION_MAX_CHANNELS, channels);
    if (c->normalization_type != NORMALIZATION_GIVEN)
        return true;
    if (n->channels != channels)
        return fail(err, ERR_INVALID, "normalization is of %d channel%s, the images have %d",
                    n->channels, n->channels == 1 ? "" : "s", channels);
    for (int i = 0; i < channels; i++)
        if (!(n->deviation[i] > 0))
            return fail(err, ERR_INVALID, "normalization.std must be above 0, got %g",
                        n->deviation[i]);
    return true;
}

/* A resumed training keeps what it has measured. */
static bool set_normalization(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    Normalization *n = &t->state.normalization;
    if (!check_given(c, err))
        return false;
    if (c->normalization_type == NORMALIZATION_MEASURED) {
        if (n->channels > 0)
            return true;
        *n = measure(t);
        return dataset_intact(c->dataset, err);
    }
    const Normalization none = {0};
    const Normalization *wanted =
        c->normalization_type == NORMALIZATION_GIVEN ? &c->normalization : &none;
    if (t->resume.path && !normalizations_equal(n, wanted))
        return fail(err, ERR_INVALID, "%s is of a training with another normalization",
                    t->resume.path);
    *n = *wanted;
    return true;
}

bool trainer_open_data(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    if (!set_normalization(t, err))
        return false;
    const bool epoch_done = t->state.batch == t->batches;
    const LoaderConfig train = {.batch_size = c->batch_size,
                                .image_size = c->image_size,
                                .progressive = c->progressive,
                                .augmentation = c->augmentation,
                                .normalization = t->state.normalization,
                                .examples = t->holdout.train,
                                .example_count = t->holdout.train_count,
                                .drop_single = graph_couples_examples(t->graph),
                                .shuffle = true,
                                .seed = c->seed,
                                .threads = t->loader_threads,
                                .wanted = t->shards ? trainer_own_examples : NULL,
                                .wanted_context = t,
                                .first_epoch = t->state.epoch + epoch_done,
                                .first_batch = epoch_done ? 0 : t->state.batch};
    return loader_new(c->dataset, &c->dataset->train, train, &t->train, err);
}

ExampleRange trainer_share(const Trainer *t, int examples, int rank)
{
    const int64_t ranks = comm_size(t->config.comm), size = trainer_net_batch(t);
    const int64_t batches = (examples + size - 1) / size;
    const int64_t first = batches * rank / ranks * size, end = batches * (rank + 1) / ranks * size;
    const int from = first < examples ? (int)first : examples;
    return (ExampleRange){from, (end < examples ? (int)end : examples) - from};
}

/* Of this rank's share of `count` examples of a split; all[i]: which they are; NULL: the first. */
static bool open_share(Trainer *t, const Split *split, const int32_t *all, int count,
                       Loader **loader, Error *err)
{
    const ExampleRange share = trainer_share(t, count, comm_rank(t->config.comm));
    if (*loader || share.count == 0)
        return true;
    int32_t *mine = xcalloc((size_t)share.count, sizeof *mine);
    for (int i = 0; i < share.count; i++)
        mine[i] = all ? all[share.first + i] : share.first + i;
    const LoaderConfig config = {.batch_size = trainer_net_batch(t),
                                 .image_size = t->config.image_size,
                                 .normalization = t->state.normalization,
                                 .examples = mine,
                                 .example_count = share.count,
                                 .threads = t->loader_threads};
    const bool ok = loader_new(t->config.dataset, split, config, loader, err);
    free(mine);
    return ok;
}

bool trainer_open_test(Trainer *t, Error *err)
{
    const Split *test = &t->config.dataset->test;
    return open_share(t, test, NULL, trainer_examples(test, t->config.test_limit), &t->test, err);
}

bool trainer_open_validation(Trainer *t, Error *err)
{
    return open_share(t, &t->config.dataset->train, t->holdout.validation,
                      t->holdout.validation_count, &t->validation, err);
}
