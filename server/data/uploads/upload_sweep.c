/* server/data/uploads/upload_sweep.c -- the thread that lets uploads expire. */
#include "core/base/clock.h"
#include "server/data/uploads/upload_private.h"

enum { SWEEP_MOST_MS = 60000, SWEEP_LEAST_MS = 100 };

/* One that has expired, held; NULL: there is none. Nobody who sets the time of day makes one expire
 * while its client still sends. */
static Upload *hold_expired(Uploads *uploads)
{
    const double now = clock_seconds();
    pthread_mutex_lock(&uploads->lock);
    Upload *u = uploads->first;
    while (u && (!u->listed || u->info.writing || u->last > now))
        u = u->next;
    if (u)
        u->info.writing = true;
    pthread_mutex_unlock(&uploads->lock);
    return u;
}

static void expire(Uploads *uploads, Upload *u)
{
    Error err = {0};
    if (upload_files_remove(uploads, u->info.id, &err)) {
        LOG(uploads->config.log, LOG_INFO, "upload_expired", log_text("upload", u->info.id),
            log_int("bytes", u->info.offset));
        upload_remove(uploads, u);
        return;
    }
    LOG(uploads->config.log, LOG_WARNING, "upload_stays", log_text("upload", u->info.id),
        log_text("error", err.message));
    pthread_mutex_lock(&uploads->lock);
    upload_touched(uploads, u);  // tried again then
    u->info.writing = false;
    pthread_mutex_unlock(&uploads->lock);
}

static void *sweep(void *context)
{
    Uploads *uploads = context;
    int64_t period = uploads->config.expire_ms / 4;
    period = period > SWEEP_MOST_MS ? SWEEP_MOST_MS : period;
    period = period < SWEEP_LEAST_MS ? SWEEP_LEAST_MS : period;
    do {
        for (Upload *u; (u = hold_expired(uploads));)
            expire(uploads, u);
    } while (work_signal_pause(&uploads->stop, (double)period / 1000));
    return NULL;
}

bool upload_sweep_start(Uploads *uploads, Error *err)
{
    work_signal_init(&uploads->stop);
    if (timed_thread_start(&uploads->sweeper, sweep, uploads, "the thread for uploads", err))
        return true;
    work_signal_destroy(&uploads->stop);
    return false;
}

bool upload_sweep_stop(Uploads *uploads, double seconds)
{
    work_signal_leave(&uploads->stop);
    if (!timed_thread_join(&uploads->sweeper, seconds))
        return false;
    work_signal_destroy(&uploads->stop);
    return true;
}
