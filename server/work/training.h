/* server/work/training.h -- one job from its settings to its end, on the calling thread. */
#pragma once
#include "server/jobs/runs.h"
#include "server/models/models.h"
#include "server/work/machine/cpus.h"

typedef struct {
    const char *data;      // the daemon's folder
    const char *datasets;  // NULL: the default places
    const SpecSets *sets;  // those that people brought; NULL: none
    Models *models;        // that jobs may become; NULL: none
    const char *kernels;   // path of the autotune cache
    const char *launcher;  // of jobs with several ranks; NULL: they cannot be started
    int launcher_seconds;  // of silence that a launcher may keep, also at its start; 0: any
    Log *log;              // may be NULL
    JobThreads threads;
    int checkpoint_seconds;  // for jobs that set none; 0: none
} TrainingConfig;

/* Train the run's job and end the run. */
void training_do(Run *run, const TrainingConfig *config);
