#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/models/predictor/predictor_private.h"

/* ---- Entries; all with the lock held ---- */

static void take_out(CachedModel **list, const CachedModel *e)
{
    while (*list != e)
        list = &(*list)->next;
    *list = e->next;
}

static void doom(Predictor *p, CachedModel *e)
{
    e->next = p->doomed;
    p->doomed = e;
    predictor_wake(p, NULL);
}

static void unlist(Predictor *p, CachedModel *e)
{
    take_out(&p->entries, e);
    e->listed = false;
    p->counts.loaded--;
    p->counts.bytes -= e->bytes;
    if (e->users == 0)
        doom(p, e);
}

static CachedModel *used_longest_ago(const Predictor *p)
{
    CachedModel *oldest = NULL;
    for (CachedModel *e = p->entries; e; e = e->next)
        if (e->users == 0 && (!oldest || e->used_at < oldest->used_at))
            oldest = e;
    return oldest;
}

double predictor_trim(Predictor *p)
{
    const double now = clock_seconds();
    CachedModel *oldest;
    while ((oldest = used_longest_ago(p)) != NULL) {
        const double left = oldest->used_at + p->config.idle_seconds - now;
        if (p->counts.bytes <= p->config.bytes && left > 0)
            return left;
        unlist(p, oldest);
    }
    return -1;
}

void predictor_update_bytes(const PredictThread *t, CachedModel *e)
{
    RunnerSlot *slot = &e->slots[t->number];
    const int64_t grown = (int64_t)model_runner_bytes(slot->runner) - slot->bytes;
    slot->bytes += grown;
    e->bytes += grown;
    if (e->listed)
        t->predictor->counts.bytes += grown;
}

static void free_entry(CachedModel *e)
{
    loaded_model_free(e->model);
    free(e->record);
    free(e->slots);
    free(e->key);
    free(e);
}

void predictor_free_models(Predictor *p)
{
    CachedModel *e;
    while (p->entries)
        unlist(p, p->entries);
    while ((e = p->doomed) != NULL) {
        for (int i = 0; i < p->config.threads; i++)
            model_runner_free(e->slots[i].runner);
        p->doomed = e->next;
        free_entry(e);
    }
}

/* A doomed entry of which this thread has something, or nobody any more; NULL: none. */
static CachedModel *find_doomed(const PredictThread *t)
{
    CachedModel *e = t->predictor->doomed;
    while (e && e->runner_count > 0 && !e->slots[t->number].runner)
        e = e->next;
    return e;
}

bool predictor_has_doomed(const PredictThread *t)
{
    return find_doomed(t) != NULL;
}

void predictor_free_doomed(PredictThread *t)
{
    Predictor *p = t->predictor;
    for (CachedModel *e; (e = find_doomed(t)) != NULL;) {
        ModelRunner *runner = e->slots[t->number].runner;
        e->slots[t->number].runner = NULL;
        if (runner) {
            pthread_mutex_unlock(&p->lock);
            model_runner_free(runner);
            pthread_mutex_lock(&p->lock);
            e->runner_count--;
        }
        if (e->runner_count > 0)
            continue;
        take_out(&p->doomed, e);
        pthread_mutex_unlock(&p->lock);
        free_entry(e);
        pthread_mutex_lock(&p->lock);
    }
}

static CachedModel *find(const Predictor *p, const char *key)
{
    for (CachedModel *e = p->entries; e; e = e->next)
        if (strcmp(e->key, key) == 0)
            return e;
    return NULL;
}

void predictor_release_entry(Predictor *p, CachedModel *e)
{
    e->used_at = clock_seconds();
    if (--e->users == 0 && !e->listed)
        doom(p, e);
    predictor_trim(p);
}

/* ---- Taking ---- */

static CachedModel *add_entry(Predictor *p, const char *key)
{
    CachedModel *e = xcalloc(1, sizeof *e);
    e->key = xstrdup(key);
    e->slots = xcalloc((size_t)p->config.threads, sizeof *e->slots);
    e->listed = true;
    e->next = p->entries;
    p->entries = e;
    p->counts.loaded++;
    return e;
}

/* A file is read whole and its numbers are copied. One that is not there is found by the reader. */
static bool file_fits(const Predictor *p, const char *path, Error *err)
{
    struct stat file;
    if (!p->config.fits || stat(path, &file) != 0)
        return true;
    return p->config.fits(2 * (size_t)file.st_size, err);
}

/* Unlocks while it reads. */
static void read_entry(Predictor *p, CachedModel *e, const PredictorFile *file)
{
    LoadedModel *model = NULL;
    Error err = {0};
    pthread_mutex_unlock(&p->lock);
    const bool ok = file_fits(p, file->path, &err)
                    && loaded_model_open(file->path, &(ModelHints){0}, PRECISION_AUTO,
                                         &file->picture, &model, &err);
    pthread_mutex_lock(&p->lock);
    e->model = model;
    e->error = err;
    e->bytes = ok ? (int64_t)loaded_model_bytes(model) : 0;
    p->counts.bytes += e->bytes;
    if (!ok)
        unlist(p, e);
    pthread_cond_broadcast(&p->changed);
}

bool predictor_take(Predictor *p, const PredictorFile *file, TakenModel *taken, Error *err)
{
    pthread_mutex_lock(&p->lock);
    CachedModel *e = find(p, file->key);
    const bool fresh = !e;
    if (fresh)
        e = add_entry(p, file->key);
    e->users++;
    if (fresh)
        read_entry(p, e, file);
    while (!e->model && e->error.code == ERR_NONE)
        pthread_cond_wait(&p->changed, &p->lock);
    const bool ok = e->model != NULL;
    *taken = ok ? (TakenModel){e->model, e} : (TakenModel){0};
    if (!ok) {
        fail_with(err, &e->error);
        predictor_release_entry(p, e);
    }
    pthread_mutex_unlock(&p->lock);
    return ok;
}

void predictor_release(Predictor *p, TakenModel *taken)
{
    if (!taken->entry)
        return;
    pthread_mutex_lock(&p->lock);
    predictor_release_entry(p, taken->entry);
    pthread_mutex_unlock(&p->lock);
    *taken = (TakenModel){0};
}
