/* tests/core/train/trainer/trainer_fixture.h -- small trainings on real images, and what they
 * report. */
#pragma once
#include "core/train/trainer/trainer.h"

typedef struct {
    Dataset *dataset;
    char folder[64];
    char checkpoint[96];
    const char *resume_from[1];  // the checkpoint
} TrainerFixture;

/* Fashion-MNIST, or what of it lies in $GOOGLENETD_DATASETS. */
Dataset *first_pictures(void);

int trainer_setup(void **state);
int trainer_teardown(void **state);

/* googlenet_tiny, 2 epochs of 8 batches, oneDNN's kernels, no checkpoints; one thread, since a team
 * waits for its slowest member at every layer when the machine is busy. */
TrainConfig small_training(const TrainerFixture *f);
/* `c`, continued from the fixture's checkpoint and writing there. */
TrainConfig resumed(TrainConfig c, const TrainerFixture *f);

/* What a callback has seen, and when it is to stop. */
typedef struct {
    int64_t stop_at_step;
    bool stop_in_test;
    int stop_at_part;
    bool checkpoint_at_step;
    int parts, points, epochs, checkpoints, resumed, initialized, ends;
    int64_t last_step, examples;  // of all steps
    TrainEvent last_epoch, last_checkpoint, end;
    char note[512];
    char kernels[16384];  // the record
    char kernels_note[640];
    int kernels_events;
} Seen;

TrainAnswer watch(void *seen, const TrainEvent *event);

Trainer *trainer_of(TrainConfig c);
/* The weights at the end of a training that succeeds. */
float *values_after(TrainConfig c, Seen *seen, size_t *count);
/* The model at the end of it: with a moving average, the averaged weights. */
float *model_after(TrainConfig c, Seen *seen, size_t *count);
/* A training that is stopped, as `seen` says. */
void run_until_stopped(TrainConfig c, Seen *seen);
