#include "core/train/trainer/trainer_kernels.h"

#include <stdio.h>

#include "core/train/trainer/trainer_data.h"
#include "core/train/trainer/trainer_shards.h"
#include "core/train/trainer/trainer_sizes.h"

/* The first thing to say about kernels is the one that is said; `why` may be "". */
static void note_kernels(Trainer *t, const char *what, const char *why)
{
    if (!t->kernels_note[0])
        snprintf(t->kernels_note, sizeof t->kernels_note, "%s%s", what, why);
}

/* What cannot be read will be measured, which is no reason not to train. */
void trainer_load_kernels(Trainer *t)
{
    Error err = {0};
    if (!t->autotune)
        return;
    if (t->config.kernels && !autotune_use_record(t->autotune, t->config.kernels, &err))
        note_kernels(t, "", err.message);
    if (t->autotune_path && !autotune_load(t->autotune, t->autotune_path, &err))
        note_kernels(t, "kernels known from earlier runs are not used: ", err.message);
}

bool trainer_prepare(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const int test = trainer_examples(&c->dataset->test, c->test_limit);
    return trainer_prepare_sizes(t, err) && trainer_prepare_training(t, t->net, err)
           && net_prepare(t->net, 0, t->holdout.validation_count, err)
           && net_prepare(t->net, 0, test, err);
}

bool trainer_choose_kernels(Trainer *t, Error *err)
{
    Error unsaved = {0};
    const bool ready = trainer_prepare(t, err);
    if (t->autotune && t->autotune_path && !autotune_save(t->autotune, t->autotune_path, &unsaved))
        note_kernels(t, "the kernels measured here are not kept for later runs: ", unsaved.message);
    if (ready && t->autotune && autotune_bits_may_differ(t->autotune)) {
        note_kernels(t,
                     "kernels that were recorded are not available here and were chosen anew: "
                     "results may differ in the last bits",
                     "");
        if (t->resume.path)
            resume_kernels_differ(&t->resume);
    }
    return ready;
}
