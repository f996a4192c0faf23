#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/models/predictor/predictor_private.h"

/* ---- Entries; all with the lock held ---- */

static void doom(Predictor *p, Entry *e)
{
    e->next = p->doomed;
    p->doomed = e;
    pthread_cond_signal(&p->work);
}

static void unlist(Predictor *p, Entry *e)
{
    Entry **at = &p->entries;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->listed = false;
    p->counts.loaded--;
    p->counts.bytes -= e->bytes;
    if (e->users == 0)
        doom(p, e);
}

static Entry *used_longest_ago(const Predictor *p)
{
    Entry *oldest = NULL;
    for (Entry *e = p->entries; e; e = e->next)
        if (e->users == 0 && (!oldest || e->used_at < oldest->used_at))
            oldest = e;
    return oldest;
}

double predictor_trim(Predictor *p)
{
    const double now = clock_seconds();
    Entry *oldest;
    while ((oldest = used_longest_ago(p)) != NULL) {
        const double left = oldest->used_at + p->config.idle_seconds - now;
        if (p->counts.bytes <= p->config.bytes && left > 0)
            return left;
        unlist(p, oldest);
    }
    return -1;
}

void predictor_drop_all(Predictor *p)
{
    while (p->entries)
        unlist(p, p->entries);
}

void predictor_update_bytes(Predictor *p, Entry *e)
{
    const int64_t bytes = (int64_t)loaded_model_bytes(e->model);
    if (e->listed)
        p->counts.bytes += bytes - e->bytes;
    e->bytes = bytes;
}

void predictor_free_doomed(Predictor *p)
{
    Entry *e = p->doomed, *next;
    p->doomed = NULL;
    pthread_mutex_unlock(&p->lock);
    for (; e; e = next) {
        next = e->next;
        loaded_model_free(e->model);
        free(e->key);
        free(e);
    }
    pthread_mutex_lock(&p->lock);
}

static Entry *find(const Predictor *p, const char *key)
{
    for (Entry *e = p->entries; e; e = e->next)
        if (strcmp(e->key, key) == 0)
            return e;
    return NULL;
}

static void release(Predictor *p, Entry *e)
{
    e->used_at = clock_seconds();
    if (--e->users == 0 && !e->listed)
        doom(p, e);
    predictor_trim(p);
}

/* ---- Taking ---- */

static Entry *add_entry(Predictor *p, const char *key)
{
    Entry *e = xcalloc(1, sizeof *e);
    e->key = xstrdup(key);
    e->listed = true;
    e->next = p->entries;
    p->entries = e;
    p->counts.loaded++;
    return e;
}

/* A file is read whole, and its numbers are copied. One that is not there is found by the reader.
 */
static bool file_fits(const Predictor *p, const char *path, Error *err)
{
    struct stat file;
    if (!p->config.fits || stat(path, &file) != 0)
        return true;
    return p->config.fits(2 * (size_t)file.st_size, err);
}

/* Unlocks while it reads. */
static void read_entry(Predictor *p, Entry *e, const PredictorFile *file)
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
    if (ok)
        predictor_update_bytes(p, e);
    else
        unlist(p, e);
    pthread_cond_broadcast(&p->changed);
}

bool predictor_take(Predictor *p, const PredictorFile *file, TakenModel *taken, Error *err)
{
    pthread_mutex_lock(&p->lock);
    Entry *e = find(p, file->key);
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
    if (!ok && err)
        *err = e->error;
    if (!ok)
        release(p, e);
    pthread_mutex_unlock(&p->lock);
    return ok;
}

void predictor_release(Predictor *p, TakenModel *taken)
{
    if (!taken->entry)
        return;
    pthread_mutex_lock(&p->lock);
    release(p, taken->entry);
    pthread_mutex_unlock(&p->lock);
    *taken = (TakenModel){0};
}
