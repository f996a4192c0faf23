/* DESIGN. Each thread has a team of one: threads that compute different batches side by side never
 * wait for each other, whatever else has their cores, as the members of a team do at the end of
 * each layer. Of those that wait one with a net of the model is woken, and the one that waits since
 * the shortest time, so that one client at a time has one thread and its warm caches; another
 * thread makes its net of a model when it first has to help.
 *
 * The first runner of a model measures its kernels while the other threads leave the model alone;
 * the others are made by its record. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/threads/team.h"
#include "server/models/predictor/predictor_private.h"

/* ---- Which tasks; with the lock held ---- */

static bool has_runner(const PredictThread *t, const CachedModel *e)
{
    return e->slots[t->number].runner != NULL;
}

static bool may_compute(const PredictThread *t, const CachedModel *e)
{
    return has_runner(t, e) || !(e->preparing || e->full);
}

/* The first task that this thread may compute, and the one before it. */
static PredictTask *find_task(const PredictThread *t, PredictTask **before)
{
    *before = NULL;
    PredictTask *task = t->predictor->first;
    while (task && !may_compute(t, task->entry)) {
        *before = task;
        task = task->next;
    }
    return task;
}

/* Whether two tasks may be computed together. */
static bool alike(const PredictTask *a, const PredictTask *b)
{
    return a->entry == b->entry && !a->picture && !b->picture;
}

/* How many images to take: one run of the model, as large as those that wait can fill. What is
 * beyond, 15 of 31, would be small runs that all have to wait for; until the next one others come.
 */
static int batch_size(const PredictTask *first)
{
    int waiting = 0, size = 1;
    for (const PredictTask *t = first; t; t = t->next)
        waiting += alike(first, t) || t == first ? t->count : 0;
    while (2 * size <= waiting && size < PREDICTOR_BATCH)
        size *= 2;
    return size;
}

/* The task behind `before` and those of the same model that fit beside it, in a list. */
static PredictTask *take_batch(Predictor *p, PredictTask *before)
{
    const int most = batch_size(before ? before->next : p->first);
    PredictTask *batch = predictor_pull(p, before), *end = batch;
    int count = batch->count;
    batch->state = COMPUTING;
    for (PredictTask *t = before ? before->next : p->first; t;
         t = before ? before->next : p->first) {
        if (!alike(batch, t) || count + t->count > most) {
            before = t;
            continue;
        }
        end->next = predictor_pull(p, before);
        end = end->next;
        end->state = COMPUTING;
        count += end->count;
    }
    return batch;
}

/* ---- Runners ---- */

static bool goes_on(void *context)
{
    Predictor *p = context;
    pthread_mutex_lock(&p->lock);
    const bool on = !p->leaving;
    pthread_mutex_unlock(&p->lock);
    return on;
}

/* With the lock held, which it gives back meanwhile: this thread's runner of an entry that somebody
 * uses. */
static bool make_runner(PredictThread *t, CachedModel *e, Error *err)
{
    Predictor *p = t->predictor;
    const ModelRunnerConfig how = {.kernels = p->config.kernels,
                                   .record = e->record,
                                   .go_on = goes_on,
                                   .context = p,
                                   .fits = p->config.fits};
    ModelRunner *runner = NULL;
    e->preparing = true;
    pthread_mutex_unlock(&p->lock);
    const bool ok = model_runner_new(e->model, &how, &runner, err);
    char *record = ok && !how.record ? model_runner_record(runner) : NULL;
    pthread_mutex_lock(&p->lock);
    e->preparing = false;
    e->record = record ? record : e->record;
    e->slots[t->number].runner = runner;
    e->runner_count += ok;
    if (ok)
        predictor_update_bytes(t, e);
    if (p->first)
        predictor_wake(p, NULL);
    return ok;
}

/* Whether one more runner of an entry that has some would stay in what models may take: one that
 * takes more is dropped whenever nobody uses it. */
static bool has_room(const Predictor *p, const CachedModel *e)
{
    const int64_t model = (int64_t)loaded_model_bytes(e->model);
    return p->counts.bytes + (e->bytes - model) / e->runner_count <= p->config.bytes;
}

/* The same, of one that other threads compute for already. */
static bool make_another_runner(PredictThread *t, CachedModel *e, Error *err)
{
    if (has_room(t->predictor, e))
        return make_runner(t, e, err);
    return fail(err, ERR_NO_MEMORY, "models may take %lld bytes",
                (long long)t->predictor->config.bytes);
}

/* A failure costs nobody the answer. */
static void join(PredictThread *t, CachedModel *e)
{
    Predictor *p = t->predictor;
    Error err = {0};
    e->users++;
    if (!make_another_runner(t, e, &err)) {
        e->full = true;
        LOG(p->config.log, LOG_INFO, "predicts_with_fewer_threads", log_text("model", e->key),
            log_int("threads", e->runner_count), log_text("reason", err.message));
    }
    predictor_release_entry(p, e);
}

/* ---- Computing ---- */

static void make_room(PredictThread *t, size_t images, size_t logits)
{
    if (images > t->room_count) {
        free(t->images);
        t->images = xcalloc(images, sizeof *t->images);
        t->room_count = images;
    }
    if (logits > t->logit_count) {
        free(t->logits);
        t->logits = xcalloc(logits, sizeof *t->logits);
        t->logit_count = logits;
    }
}

/* Several tasks: their images side by side, and the logits back to each. */
static bool compute_together(PredictThread *t, PredictTask *batch, int count, Error *err)
{
    const LoadedModelFacts *facts = loaded_model_facts(batch->entry->model);
    const size_t classes = (size_t)facts->info->classes;
    make_room(t, (size_t)count * facts->image_count, (size_t)count * classes);
    size_t at = 0;
    for (const PredictTask *task = batch; task; at += (size_t)task->count, task = task->next)
        memcpy(t->images + at * facts->image_count, task->images,
               (size_t)task->count * facts->image_count * sizeof *t->images);
    if (!model_runner_run(batch->entry->slots[t->number].runner, t->images, count, t->logits, err))
        return false;
    at = 0;
    for (const PredictTask *task = batch; task; at += (size_t)task->count, task = task->next)
        memcpy(task->logits, t->logits + at * classes,
               (size_t)task->count * classes * sizeof *task->logits);
    return true;
}

static bool explain(ModelRunner *r, const PredictTask *task, Error *err)
{
    const int classes = loaded_model_facts(task->entry->model)->info->classes;
    int best = 0;
    for (int k = 1; k < classes; k++)
        best = task->logits[k] > task->logits[best] ? k : best;
    return model_runner_explain(r, task->images, best, task->picture, err);
}

static bool compute(PredictThread *t, PredictTask *batch, int count, Error *err)
{
    ModelRunner *runner = batch->entry->slots[t->number].runner;
    if (batch->next)
        return compute_together(t, batch, count, err);
    return model_runner_run(runner, batch->images, count, batch->logits, err)
           && (!batch->picture || explain(runner, batch, err));
}

/* With the lock held, which it gives back meanwhile. */
static void run_batch(PredictThread *t, PredictTask *before)
{
    Predictor *p = t->predictor;
    PredictTask *batch = take_batch(p, before), *next;
    CachedModel *e = batch->entry;
    Error err = {0};
    int count = 0;
    for (const PredictTask *task = batch; task; task = task->next)
        count += task->count;
    const double began = clock_seconds();
    bool ok = has_runner(t, e) || make_runner(t, e, &err);
    if (ok) {
        pthread_mutex_unlock(&p->lock);
        ok = compute(t, batch, count, &err);
        pthread_mutex_lock(&p->lock);
        predictor_update_bytes(t, e);
    }
    p->counts.images += ok ? count : 0;
    p->counts.batches += ok;
    p->counts.seconds += clock_seconds() - began;
    for (PredictTask *task = batch; task; task = next) {
        next = task->next;  // its thread frees it
        predictor_end_task(task, ok, &err);
    }
}

/* ---- The thread ---- */

static void wake_one(PredictThread **link)
{
    PredictThread *t = *link;
    *link = t->below;
    t->waits = false;
    pthread_cond_signal(&t->work);
}

/* The place of one that may compute for the entry; it has a runner already if that is asked for. */
static PredictThread **find_waiting(Predictor *p, const CachedModel *e, bool with_runner)
{
    PredictThread **link = &p->waiting;
    while (*link && !(with_runner ? has_runner(*link, e) : may_compute(*link, e)))
        link = &(*link)->below;
    return link;
}

void predictor_wake(Predictor *p, const CachedModel *e)
{
    if (!e) {
        while (p->waiting)
            wake_one(&p->waiting);
        return;
    }
    PredictThread **link = find_waiting(p, e, true);
    if (!*link)
        link = find_waiting(p, e, false);
    if (*link)
        wake_one(link);
}

static void leave_stack(PredictThread *t)
{
    PredictThread **link = &t->predictor->waiting;
    while (*link != t)
        link = &(*link)->below;
    *link = t->below;
    t->waits = false;
}

static void wait_for_work(PredictThread *t)
{
    Predictor *p = t->predictor;
    const double left = predictor_trim(p);
    if (predictor_has_doomed(t))
        return;
    t->below = p->waiting;
    t->waits = true;
    p->waiting = t;
    if (left < 0) {
        pthread_cond_wait(&t->work, &p->lock);
    } else {
        const struct timespec until = clock_after(left);
        pthread_cond_timedwait(&t->work, &p->lock, &until);
    }
    if (t->waits)
        leave_stack(t);
}

static void refuse_all(Predictor *p)
{
    Error err = {0};
    fail(&err, ERR_STOPPED, "the daemon is shutting down");
    while (p->first)
        predictor_end_task(predictor_pull(p, NULL), false, &err);
}

static void do_next(PredictThread *t)
{
    Predictor *p = t->predictor;
    PredictTask *before = NULL, *task = NULL;
    if (predictor_has_doomed(t))
        predictor_free_doomed(t);
    else if (p->first && p->leaving)
        refuse_all(p);
    else if (!(task = find_task(t, &before)))
        wait_for_work(t);
    else if (!has_runner(t, task->entry) && task->entry->record)
        join(t, task->entry);
    else
        run_batch(t, before);
}

void *predictor_work(void *thread)
{
    PredictThread *t = thread;
    Predictor *p = t->predictor;
    team_start(1);
    pthread_mutex_lock(&p->lock);
    p->running++;
    pthread_cond_broadcast(&p->changed);
    while (!p->ending)
        do_next(t);
    p->running--;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}
