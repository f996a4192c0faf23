/* DESIGN. A model is a CachedModel: in the list of those that are loaded, or, once it has left
 * that, held by its users alone. An entry without users and out of the list is doomed: each thread
 * that computes frees its net of it, in its own time, and the last one all. Once they have ended
 * whoever stops them frees what is left.
 *
 * A request's images are a task, or several for several threads. Tasks belong to the thread that
 * waits for them. A task leaves the queue once: taken by a computing thread, which then always ends
 * it, or withdrawn by its own thread.
 *
 * Lock order: `lock` alone. It is never held while a file is read or anything computed. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/threads/thread.h"
#include "server/base/time.h"
#include "server/models/predictor/predictor_private.h"

enum { TASK_LEAST = 4 };  // images, of a request that several threads compute

/* ---- The queue; with the lock held ---- */

static void push(Predictor *p, PredictTask *task)
{
    if (p->first)
        p->last->next = task;
    else
        p->first = task;
    p->last = task;
    p->counts.waiting += task->count;
    predictor_wake(p, task->entry);
}

PredictTask *predictor_pull(Predictor *p, PredictTask *before)
{
    PredictTask **link = before ? &before->next : &p->first;
    PredictTask *task = *link;
    *link = task->next;
    if (p->last == task)
        p->last = before;
    task->next = NULL;
    p->counts.waiting -= task->count;
    return task;
}

static void withdraw(Predictor *p, const PredictTask *task)
{
    PredictTask *before = NULL;
    for (PredictTask *t = p->first; t != task; t = t->next)
        before = t;
    predictor_pull(p, before);
}

void predictor_end_task(PredictTask *task, bool ok, const Error *err)
{
    task->state = ok ? DONE : FAILED;
    if (!ok)
        task->error = *err;
    pthread_cond_signal(&task->changed);
}

/* ---- Prediction ---- */

static bool may_queue(Predictor *p, int count, Error *err)
{
    if (p->leaving)
        return fail(err, ERR_STOPPED, "the daemon is shutting down");
    if (p->counts.waiting == 0 || p->counts.waiting + count <= p->config.waiting)
        return true;
    p->counts.refused++;
    return fail_as(err, ERR_CONFLICT, "busy",
                   "%d images wait to be computed: nothing was done for this request",
                   p->counts.waiting);
}

/* With the lock held. Waits for the end once it has begun; false if it was withdrawn or failed. */
static bool await(Predictor *p, PredictTask *task, const struct timespec *until)
{
    int waited = 0;
    while (task->state == QUEUED && waited == 0)
        waited = pthread_cond_timedwait(&task->changed, &p->lock, until);
    if (task->state == QUEUED) {
        withdraw(p, task);
        return false;
    }
    while (task->state == COMPUTING)
        pthread_cond_wait(&task->changed, &p->lock);
    return task->state == DONE;
}

/* The same for all tasks of a request: when one has not been computed in time, the others are not
 * waited for. */
static bool await_all(Predictor *p, PredictTask *tasks, int count, double seconds, Error *err)
{
    static const struct timespec PAST = {0};
    const struct timespec until = clock_after(seconds);
    const PredictTask *failed = NULL;
    for (int i = 0; i < count; i++)
        if (!await(p, &tasks[i], failed ? &PAST : &until) && !failed)
            failed = &tasks[i];
    if (!failed) {
        p->counts.requests++;
        return true;
    }
    if (failed->state == FAILED)
        return fail_with(err, &failed->error);
    p->counts.refused++;
    return fail_as(err, ERR_CONFLICT, "busy", "the request waited %.3g s and was not computed",
                   seconds);
}

static bool run_tasks(Predictor *p, PredictTask *tasks, int count, int images, double seconds,
                      Error *err)
{
    for (int i = 0; i < count; i++)
        cond_init_monotonic(&tasks[i].changed);
    pthread_mutex_lock(&p->lock);
    bool ok = may_queue(p, images, err);
    if (ok) {
        for (int i = 0; i < count; i++)
            push(p, &tasks[i]);
        ok = await_all(p, tasks, count, seconds, err);
    }
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < count; i++)
        pthread_cond_destroy(&tasks[i].changed);
    return ok;
}

/* Images of a task: a power of two, so that all threads have some of the request. */
static int task_size(const Predictor *p, int images)
{
    int size = TASK_LEAST;
    while (size * p->config.threads < images && size < PREDICTOR_BATCH)
        size *= 2;
    return size;
}

bool predictor_run(Predictor *p, const TakenModel *taken, const float *images, int count,
                   double seconds, float *logits, Error *err)
{
    const LoadedModelFacts *facts = loaded_model_facts(taken->model);
    const int size = task_size(p, count), parts = (count + size - 1) / size;
    PredictTask *tasks = xcalloc((size_t)parts, sizeof *tasks);
    for (int i = 0; i < parts; i++) {
        const size_t first = (size_t)i * (size_t)size;
        tasks[i] = (PredictTask){.entry = taken->entry,
                                 .images = images + first * facts->image_count,
                                 .count = i + 1 < parts ? size : count - i * size,
                                 .logits = logits + first * (size_t)facts->info->classes};
    }
    const bool ok = run_tasks(p, tasks, parts, count, seconds, err);
    free(tasks);
    return ok;
}

bool predictor_explain(Predictor *p, const TakenModel *taken, const float *image, double seconds,
                       float *logits, uint8_t *picture, Error *err)
{
    PredictTask task = {
        .entry = taken->entry, .images = image, .count = 1, .logits = logits, .picture = picture};
    return run_tasks(p, &task, 1, 1, seconds, err);
}

PredictorCounts predictor_counts(Predictor *p)
{
    pthread_mutex_lock(&p->lock);
    const PredictorCounts counts = p->counts;
    pthread_mutex_unlock(&p->lock);
    return counts;
}

/* ---- Start and stop ---- */

/* After its threads have ended. */
static void free_all(Predictor *p)
{
    predictor_free_models(p);
    for (int i = 0; i < p->config.threads; i++) {
        pthread_cond_destroy(&p->threads[i].work);
        free(p->threads[i].images);
        free(p->threads[i].logits);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p);
}

/* As many as the system gives, and one at least. */
static bool start_threads(Predictor *p, Error *err)
{
    const int wanted = p->config.threads;
    bool ok = true;
    p->threads = xcalloc((size_t)wanted, sizeof *p->threads);
    p->config.threads = 0;
    pthread_mutex_lock(&p->lock);  // nobody looks before the number is known
    for (int i = 0; i < wanted && ok; i++) {
        PredictThread *t = &p->threads[i];
        *t = (PredictThread){.predictor = p, .number = i};
        cond_init_monotonic(&t->work);
        ok = thread_start(&t->thread, predictor_work, t, "a thread that predicts", err);
        p->config.threads += ok;
        if (!ok)
            pthread_cond_destroy(&t->work);
    }
    // All wait for work from then on: one that came later would take it from the one that is woken.
    while (p->running < p->config.threads)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return p->config.threads > 0;
}

bool predictor_start(const PredictorConfig *config, Predictor **out, Error *err)
{
    Predictor *p = xcalloc(1, sizeof *p);
    p->config = *config;
    pthread_mutex_init(&p->lock, NULL);
    cond_init_monotonic(&p->changed);
    const bool ok = start_threads(p, err);
    *out = ok ? p : NULL;
    if (!ok)
        free_all(p);
    return ok;
}

static void tell(Predictor *p, bool ending)
{
    pthread_mutex_lock(&p->lock);
    p->leaving = true;
    p->ending = ending;
    predictor_wake(p, NULL);
    pthread_mutex_unlock(&p->lock);
}

void predictor_leave(Predictor *p)
{
    if (p)
        tell(p, false);
}

static bool wait_for_end(Predictor *p, double seconds)
{
    const struct timespec until = clock_after(seconds);
    int waited = 0;
    pthread_mutex_lock(&p->lock);
    while (p->running > 0 && waited == 0)
        waited = pthread_cond_timedwait(&p->changed, &p->lock, &until);
    const bool ended = p->running == 0;
    pthread_mutex_unlock(&p->lock);
    return ended;
}

bool predictor_stop(Predictor *p, double seconds)
{
    if (!p)
        return true;
    tell(p, true);
    if (!wait_for_end(p, seconds))
        return false;
    for (int i = 0; i < p->config.threads; i++)
        pthread_join(p->threads[i].thread, NULL);
    free_all(p);
    return true;
}
