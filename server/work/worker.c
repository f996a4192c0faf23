#include "server/work/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/threads/niceness.h"
#include "server/base/threads/timed_thread.h"
#include "server/jobs/runs.h"
#include "server/work/training.h"

struct Workers {
    Jobs *jobs;
    TrainingConfig training;
    TimedThread *threads;
    int count;
};

static void *work(void *context)
{
    Workers *workers = context;
    // Predictions, which people wait for, come before trainings where both want a core; the threads
    // of the OpenMP team and of the loader inherit it.
    niceness_add(5);
    for (Run *run; (run = runs_take(workers->jobs));)
        training_do(run, &workers->training);
    return NULL;
}

bool workers_start(Jobs *jobs, const WorkersConfig *config, Workers **out, Error *err)
{
    Workers *workers = xcalloc(1, sizeof *workers);
    workers->jobs = jobs;
    workers->threads = xcalloc((size_t)config->workers, sizeof *workers->threads);
    workers->training = (TrainingConfig){
        .data = config->data,
        .datasets = config->datasets,
        .sets = config->sets,
        .models = config->models,
        .kernels = config->kernels,
        .launcher = config->launcher,
        .launcher_seconds = config->launcher_seconds,
        .log = config->log,
        .threads = job_threads(config->threads, config->workers),
        .checkpoint_seconds = config->checkpoint_seconds,
    };
    bool ok = true;
    while (ok && workers->count < config->workers) {
        char what[32];
        snprintf(what, sizeof what, "worker thread %d", workers->count + 1);
        ok = timed_thread_start(&workers->threads[workers->count], work, workers, what, err);
        workers->count += ok;
    }
    if (!ok)
        workers_stop(workers, 60);
    *out = ok ? workers : NULL;
    return ok;
}

bool workers_stop(Workers *workers, double seconds)
{
    if (!workers)
        return true;
    const double end = clock_seconds() + seconds;
    jobs_leave(workers->jobs);
    for (int i = 0; i < workers->count; i++) {
        if (!timed_thread_join(&workers->threads[i], end - clock_seconds())) {
            jobs_abandon(workers->jobs);
            return false;
        }
    }
    free(workers->threads);
    free(workers);
    return true;
}
