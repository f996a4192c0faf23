#include "tests/core/train/trainer/trainer_fixture.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/check.h"

Dataset *first_pictures(void)
{
    Error err = {0};
    Dataset *d = NULL;
    const char *datasets = getenv("GOOGLENETD_DATASETS");
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/fashion_mnist", datasets ? datasets : "");
    CHECK_OK(dataset_open("fashion_mnist", datasets ? folder : NULL, &d, &err), err);
    return d;
}

/* Where files of some hundred megabytes are written and synced without a disk, if there is such. */
static const char *fast_folder(void)
{
    enum { NEEDED = 1 << 30 };
    static const char MEMORY[] = "/dev/shm";
    struct statvfs room;
    return access(MEMORY, W_OK) == 0 && statvfs(MEMORY, &room) == 0
                   && (uint64_t)room.f_bavail * room.f_frsize > NEEDED
               ? MEMORY
               : "/tmp";
}

int trainer_setup(void **state)
{
    TrainerFixture *f = xcalloc(1, sizeof *f);
    f->dataset = first_pictures();
    snprintf(f->folder, sizeof f->folder, "%s/test_trainer.XXXXXX", fast_folder());
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->checkpoint, sizeof f->checkpoint, "%s/checkpoint.safetensors", f->folder);
    f->resume_from[0] = f->checkpoint;
    *state = f;
    return 0;
}

int trainer_teardown(void **state)
{
    TrainerFixture *f = *state;
    DIR *folder = opendir(f->folder);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(f->folder);
    dataset_free(f->dataset);
    free(f);
    return 0;
}

TrainConfig small_training(const TrainerFixture *f)
{
    return (TrainConfig){.model = models_find("googlenet_tiny"),
                         .library_only = true,
                         .dataset = f->dataset,
                         .image_size = 28,
                         .epochs = 2,
                         .batch_size = 16,
                         .train_limit = 120,
                         .test_limit = 50,
                         .learning_rate = 0.05,
                         .optimizer = {.momentum = 0.9},
                         .seed = 11,
                         .threads = 1};
}

TrainConfig resumed(TrainConfig c, const TrainerFixture *f)
{
    c.checkpoint_path = f->checkpoint;
    c.resume_from = f->resume_from;
    c.resume_count = 1;
    return c;
}

TrainAnswer watch(void *context, const TrainEvent *e)
{
    Seen *seen = context;
    assert_true(e->step >= seen->last_step);
    assert_int_equal(seen->ends, 0);  // nothing comes after the end
    seen->last_step = e->step;
    seen->points += e->type == TRAIN_POINT;
    seen->resumed += e->type == TRAIN_RESUMED;
    seen->initialized += e->type == TRAIN_INITIALIZED;
    if (e->type == TRAIN_RESUMED && e->note)
        snprintf(seen->note, sizeof seen->note, "%s", e->note);
    if (e->type == TRAIN_KERNELS) {
        seen->kernels_events++;
        snprintf(seen->kernels, sizeof seen->kernels, "%s", e->kernels ? e->kernels : "");
        snprintf(seen->kernels_note, sizeof seen->kernels_note, "%s", e->note ? e->note : "");
    }
    if (e->type == TRAIN_CHECKPOINT) {
        seen->checkpoints++;
        seen->last_checkpoint = *e;
    }
    if (e->type == TRAIN_EPOCH) {
        seen->epochs++;
        seen->last_epoch = *e;
    }
    if (e->type == TRAIN_END) {
        seen->ends++;
        seen->end = *e;
    }
    if (e->type == TRAIN_PART) {
        seen->parts++;
        if (seen->stop_in_test || seen->parts == seen->stop_at_part)
            return TRAIN_STOP;
    }
    if (e->type == TRAIN_STEP || e->type == TRAIN_POINT)
        seen->examples += e->step_examples;
    if ((e->type == TRAIN_STEP || e->type == TRAIN_POINT) && e->step == seen->stop_at_step)
        return seen->checkpoint_at_step ? TRAIN_CHECKPOINT_NOW : TRAIN_STOP;
    return TRAIN_GO_ON;
}

Trainer *trainer_of(TrainConfig c)
{
    Error err = {0};
    Trainer *t = NULL;
    CHECK_OK(trainer_new(&c, &t, &err), err);
    return t;
}

/* The values of the store, or the average where it has one and `model` says so. */
static float *numbers_after(TrainConfig c, bool model, Seen *seen, size_t *count)
{
    Error err = {0};
    Trainer *t = trainer_of(c);
    CHECK_OK(trainer_run(t, watch, seen, &err), err);
    assert_int_equal(seen->ends, 1);
    *count = trainer_params(t)->count;
    float *copy = xcalloc(*count, sizeof *copy);
    memcpy(copy, trainer_params(t)->values, *count * sizeof *copy);
    const float *average = trainer_params(t)->slots[SLOT_AVERAGE];
    if (model && average)
        memcpy(copy, average, trainer_params(t)->trained_count * sizeof *copy);
    trainer_free(t);
    return copy;
}

float *values_after(TrainConfig c, Seen *seen, size_t *count)
{
    return numbers_after(c, false, seen, count);
}

float *model_after(TrainConfig c, Seen *seen, size_t *count)
{
    return numbers_after(c, true, seen, count);
}

void run_until_stopped(TrainConfig c, Seen *seen)
{
    Error err = {0};
    Trainer *t = trainer_of(c);
    assert_false(trainer_run(t, watch, seen, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    assert_int_equal(seen->ends, 0);
    trainer_free(t);
}
