/* DESIGN. A model is an Entry: in the list of those that are loaded, or, once it has left that,
 * held by its users alone. An entry without users and out of the list is doomed: the thread that
 * computes frees it, because a net is freed where it was made.
 *
 * A task stands on the stack of the thread that waits for it. It leaves the queue once: taken by
 * the computing thread, which then always ends it, or withdrawn by its own thread.
 *
 * Lock order: `lock` alone. It is never held while a file is read or anything computed. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/threads/team.h"
#include "core/base/threads/thread.h"
#include "server/base/time.h"
#include "server/models/predictor/predictor_private.h"

/* ---- The queue; with the lock held ---- */

static void push(Predictor *p, PredictTask *task)
{
    if (p->first)
        p->last->next = task;
    else
        p->first = task;
    p->last = task;
    p->counts.waiting += task->count;
    pthread_cond_signal(&p->work);
}

/* Take the task behind `before`, the first one for NULL, out of the queue. */
static PredictTask *pull(Predictor *p, PredictTask *before)
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
    pull(p, before);
}

static void end_task(PredictTask *task, bool ok, const Error *err)
{
    task->state = ok ? DONE : FAILED;
    if (!ok)
        task->error = *err;
    pthread_cond_signal(&task->changed);
}

/* Whether two tasks may be computed together. */
static bool alike(const PredictTask *a, const PredictTask *b)
{
    return a->entry == b->entry && !a->picture && !b->picture;
}

/* How many images to take: one run of the model, as large as those that wait can fill. What is
 * beyond, 15 of 31, would be small runs that all have to wait for; until the next one others come.
 */
static int batch_size(const Predictor *p, const PredictTask *first)
{
    int waiting = first->count, size = 1;
    for (const PredictTask *t = p->first; t; t = t->next)
        waiting += alike(first, t) ? t->count : 0;
    while (2 * size <= waiting && size < LOADED_MODEL_BATCH)
        size *= 2;
    return size;
}

/* The first task and those of the same model that fit beside it, in a list. */
static PredictTask *take_batch(Predictor *p)
{
    PredictTask *batch = pull(p, NULL), *end = batch, *before = NULL;
    const int most = batch_size(p, batch);
    int count = batch->count;
    batch->state = COMPUTING;
    for (PredictTask *t = p->first; t; t = before ? before->next : p->first) {
        if (!alike(batch, t) || count + t->count > most) {
            before = t;
            continue;
        }
        end->next = pull(p, before);
        end = end->next;
        end->state = COMPUTING;
        count += end->count;
    }
    return batch;
}

/* ---- The thread that computes ---- */

static bool goes_on(void *context)
{
    Predictor *p = context;
    pthread_mutex_lock(&p->lock);
    const bool on = !p->leaving;
    pthread_mutex_unlock(&p->lock);
    return on;
}

static void make_room(Predictor *p, size_t images, size_t logits)
{
    if (images > p->room_count) {
        free(p->images);
        p->images = xcalloc(images, sizeof *p->images);
        p->room_count = images;
    }
    if (logits > p->logit_count) {
        free(p->logits);
        p->logits = xcalloc(logits, sizeof *p->logits);
        p->logit_count = logits;
    }
}

/* Several tasks: their images side by side, and the logits back to each. */
static bool compute_together(Predictor *p, PredictTask *batch, int count, Error *err)
{
    LoadedModel *m = batch->entry->model;
    const LoadedModelFacts *facts = loaded_model_facts(m);
    const size_t classes = (size_t)facts->info->classes;
    make_room(p, (size_t)count * facts->image_count, (size_t)count * classes);
    size_t at = 0;
    for (const PredictTask *t = batch; t; at += (size_t)t->count, t = t->next)
        memcpy(p->images + at * facts->image_count, t->images,
               (size_t)t->count * facts->image_count * sizeof *p->images);
    if (!loaded_model_run(m, p->images, count, p->logits, err))
        return false;
    at = 0;
    for (const PredictTask *t = batch; t; at += (size_t)t->count, t = t->next)
        memcpy(t->logits, p->logits + at * classes, (size_t)t->count * classes * sizeof *t->logits);
    return true;
}

static bool explain(LoadedModel *m, const PredictTask *task, Error *err)
{
    const int classes = loaded_model_facts(m)->info->classes;
    int best = 0;
    for (int k = 1; k < classes; k++)
        best = task->logits[k] > task->logits[best] ? k : best;
    return loaded_model_explain(m, task->images, best, task->picture, err);
}

static bool compute(Predictor *p, PredictTask *batch, int count, Error *err)
{
    LoadedModel *m = batch->entry->model;
    const LoadedModelConfig how = {
        .kernels = p->config.kernels, .go_on = goes_on, .context = p, .fits = p->config.fits};
    if (!loaded_model_prepare(m, &how, err))
        return false;
    if (batch->next)
        return compute_together(p, batch, count, err);
    return loaded_model_run(m, batch->images, count, batch->logits, err)
           && (!batch->picture || explain(m, batch, err));
}

/* With the lock held, which it gives back meanwhile. */
static void run_batch(Predictor *p)
{
    PredictTask *batch = take_batch(p), *next;
    Error err = {0};
    int count = 0, requests = 0;
    for (const PredictTask *t = batch; t; t = t->next, requests++)
        count += t->count;
    pthread_mutex_unlock(&p->lock);
    const double began = clock_seconds();
    const bool ok = compute(p, batch, count, &err);
    pthread_mutex_lock(&p->lock);
    p->counts.requests += ok ? requests : 0;
    p->counts.images += ok ? count : 0;
    p->counts.batches += ok;
    p->counts.seconds += clock_seconds() - began;
    predictor_update_bytes(p, batch->entry);
    for (PredictTask *t = batch; t; t = next) {
        next = t->next;  // its thread frees it
        end_task(t, ok, &err);
    }
}

static void wait_for_work(Predictor *p)
{
    const double left = predictor_trim(p);
    if (p->doomed)
        return;
    if (left < 0) {
        pthread_cond_wait(&p->work, &p->lock);
        return;
    }
    const struct timespec until = clock_after(left);
    pthread_cond_timedwait(&p->work, &p->lock, &until);
}

static void refuse_all(Predictor *p)
{
    Error err = {0};
    fail(&err, ERR_STOPPED, "the daemon is shutting down");
    while (p->first)
        end_task(pull(p, NULL), false, &err);
}

static void *work(void *context)
{
    Predictor *p = context;
    team_start(p->config.threads);
    pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        if (p->doomed)
            predictor_free_doomed(p);
        else if (p->first && p->leaving)
            refuse_all(p);
        else if (p->first)
            run_batch(p);
        else
            wait_for_work(p);
    }
    predictor_drop_all(p);
    predictor_free_doomed(p);
    p->ended = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return NULL;
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

/* With the lock held. Waits for the end once it has begun. */
static bool await(Predictor *p, PredictTask *task, double seconds, Error *err)
{
    const struct timespec until = clock_after(seconds);
    int waited = 0;
    while (task->state == QUEUED && waited == 0)
        waited = pthread_cond_timedwait(&task->changed, &p->lock, &until);
    if (task->state == QUEUED) {
        withdraw(p, task);
        p->counts.refused++;
        return fail_as(err, ERR_CONFLICT, "busy", "the request waited %.3g s and was not computed",
                       seconds);
    }
    while (task->state == COMPUTING)
        pthread_cond_wait(&task->changed, &p->lock);
    if (task->state == FAILED && err)
        *err = task->error;
    return task->state == DONE;
}

static bool run_task(Predictor *p, PredictTask *task, double seconds, Error *err)
{
    cond_init_monotonic(&task->changed);
    pthread_mutex_lock(&p->lock);
    bool ok = may_queue(p, task->count, err);
    if (ok) {
        push(p, task);
        ok = await(p, task, seconds, err);
    }
    pthread_mutex_unlock(&p->lock);
    pthread_cond_destroy(&task->changed);
    return ok;
}

bool predictor_run(Predictor *p, const TakenModel *taken, const float *images, int count,
                   double seconds, float *logits, Error *err)
{
    PredictTask task = {.entry = taken->entry, .images = images, .count = count, .logits = logits};
    return run_task(p, &task, seconds, err);
}

bool predictor_explain(Predictor *p, const TakenModel *taken, const float *image, double seconds,
                       float *logits, uint8_t *picture, Error *err)
{
    PredictTask task = {
        .entry = taken->entry, .images = image, .count = 1, .logits = logits, .picture = picture};
    return run_task(p, &task, seconds, err);
}

PredictorCounts predictor_counts(Predictor *p)
{
    pthread_mutex_lock(&p->lock);
    const PredictorCounts counts = p->counts;
    pthread_mutex_unlock(&p->lock);
    return counts;
}

/* ---- Start and stop ---- */

bool predictor_start(const PredictorConfig *config, Predictor **out, Error *err)
{
    Predictor *p = xcalloc(1, sizeof *p);
    p->config = *config;
    pthread_mutex_init(&p->lock, NULL);
    cond_init_monotonic(&p->work);
    cond_init_monotonic(&p->changed);
    *out = p;
    if (thread_start(&p->thread, work, p, "the thread that predicts", err))
        return true;
    *out = NULL;
    pthread_mutex_destroy(&p->lock);
    free(p);
    return false;
}

static void tell(Predictor *p, bool ending)
{
    pthread_mutex_lock(&p->lock);
    p->leaving = true;
    p->ending = ending;
    pthread_cond_signal(&p->work);
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
    while (!p->ended && waited == 0)
        waited = pthread_cond_timedwait(&p->changed, &p->lock, &until);
    const bool ended = p->ended;
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
    pthread_join(p->thread, NULL);
    free(p->images);
    free(p->logits);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return true;
}
