#include "server/work/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/jobs/runs.h"
#include "server/work/training.h"

struct Workers {
    Jobs *jobs;
    TrainingConfig training;
    char *kernels;  // the file that training.kernels names
    pthread_t *threads;
    int count;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int busy;  // threads that have not come to their end
};

/* Predictions, which people wait for, come before trainings where both want a core. The threads of
 * the OpenMP team and of the loader inherit it. */
static void yield_to_predictions(void)
{
    enum { STEPS = 5 };
    // On Linux it is of the calling thread alone.
    errno = 0;
    const int nice = getpriority(PRIO_PROCESS, 0);
    if (errno == 0)
        setpriority(PRIO_PROCESS, 0, nice + STEPS);
}

static void *work(void *context)
{
    Workers *workers = context;
    yield_to_predictions();
    for (Run *run; (run = runs_take(workers->jobs));)
        training_do(run, &workers->training);
    pthread_mutex_lock(&workers->lock);
    workers->busy--;
    pthread_cond_signal(&workers->ended);
    pthread_mutex_unlock(&workers->lock);
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
        .sets = config->sets,
        .models = config->models,
        .kernels = workers->kernels,
        .launcher = config->launcher,
        .log = config->log,
        .threads = job_threads(config->threads, config->workers),
        .checkpoint_seconds = config->checkpoint_seconds,
    };
    pthread_mutex_init(&workers->lock, NULL);
    cond_init_monotonic(&workers->ended);
    workers->busy = config->workers;
    *out = workers;
    for (; workers->count < config->workers; workers->count++) {
        const int code = pthread_create(&workers->threads[workers->count], NULL, work, workers);
        if (code == 0)
            continue;
        pthread_mutex_lock(&workers->lock);
        workers->busy -= config->workers - workers->count;
        pthread_mutex_unlock(&workers->lock);
        workers_stop(workers, 60);
        *out = NULL;
        return fail(err, ERR_NO_MEMORY, "start worker thread %d: %s", workers->count + 1,
                    strerror(code));
    }
    return true;
}

static bool wait_for_end(Workers *workers, double seconds)
{
    const struct timespec until = clock_after(seconds);
    int waited = 0;
    pthread_mutex_lock(&workers->lock);
    while (workers->busy > 0 && waited == 0)
        waited = pthread_cond_timedwait(&workers->ended, &workers->lock, &until);
    const bool ended = workers->busy == 0;
    pthread_mutex_unlock(&workers->lock);
    return ended;
}

bool workers_stop(Workers *workers, double seconds)
{
    if (!workers)
        return true;
    jobs_leave(workers->jobs);
    if (!wait_for_end(workers, seconds)) {
        jobs_abandon(workers->jobs);
        return false;
    }
    for (int i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->ended);
    pthread_mutex_destroy(&workers->lock);
    free(workers->kernels);
    free(workers->threads);
    free(workers);
    return true;
}
