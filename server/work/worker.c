#include "server/work/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/jobs/runs.h"
#include "server/work/training.h"

struct Workers {
    Jobs *jobs;
    TrainingConfig training;
    char *kernels;  // the file that training.kernels names
    pthread_t *threads;
    int count;
};

static void *work(void *context)
{
    const Workers *workers = context;
    for (Run *run; (run = runs_take(workers->jobs));)
        training_do(run, &workers->training);
    return NULL;
}

bool workers_start(Jobs *jobs, const WorkersConfig *config, Workers **out, Error *err)
{
    Workers *workers = xcalloc(1, sizeof *workers);
    workers->jobs = jobs;
    workers->threads = xcalloc((size_t)config->workers, sizeof *workers->threads);
    workers->kernels =
        config->kernels ? xstrdup(config->kernels) : xasprintf("%s/kernels.txt", config->data);
    workers->training = (TrainingConfig){
        .data = config->data,
        .datasets = config->datasets,
        .kernels = workers->kernels,
        .threads = job_threads(config->threads, config->workers),
        .checkpoint_seconds = config->checkpoint_seconds,
    };
    *out = workers;
    for (; workers->count < config->workers; workers->count++) {
        const int code = pthread_create(&workers->threads[workers->count], NULL, work, workers);
        if (code == 0)
            continue;
        workers_stop(workers, 60);
        *out = NULL;
        return fail(err, ERR_NO_MEMORY, "start worker thread %d: %s", workers->count + 1,
                    strerror(code));
    }
    return true;
}

bool workers_stop(Workers *workers, double seconds)
{
    if (!workers)
        return true;
    jobs_leave(workers->jobs);
    const struct timespec until = clock_after(seconds);
    for (int i = 0; i < workers->count; i++) {
        if (pthread_clockjoin_np(workers->threads[i], NULL, CLOCK_MONOTONIC, &until) != 0) {
            jobs_abandon(workers->jobs);
            return false;
        }
    }
    free(workers->kernels);
    free(workers->threads);
    free(workers);
    return true;
}
