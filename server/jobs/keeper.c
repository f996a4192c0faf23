#include "server/jobs/keeper.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/threads/timed_thread.h"
#include "server/base/time.h"
#include "server/jobs/events/high_water.h"
#include "server/jobs/events/prune.h"
#include "server/jobs/files/removal.h"
#include "server/jobs/files/reserve.h"

enum {
    LOOK_SECONDS = 1,    // between two looks while something is wrong, and at most one a second
    TIDY_SECONDS = 10,   // between two notes of the highest event, and two looks for old events
    PAUSE_MS = 5,        // between two steps of a long deletion
    STALLED_SECONDS = 3  // after which a disk that has not answered is said to be stalled
};

struct Keeper {
    KeeperConfig config;
    TimedThread thread;

    pthread_mutex_t lock;  // of all below; never held while a disk is touched
    pthread_cond_t wake;
    bool stop, woken;
    bool look;          // somebody asked how the store is
    bool removals;      // there may be some to finish
    bool left;          // some could not be finished when they were tried last, which was told
    bool reserve;       // it is there
    Error fault;        // of the last write; ERR_NONE: it went well
    Error shortage;     // why there is no reserve
    double busy_since;  // the thread is at the disk since then; 0: it is not
    double looked_at;
    int64_t last_job, last_dataset;
    HighWater written;
    double written_at;
    int64_t pruned;  // the last event when old ones were last forgotten; the thread's own
};

static void set_busy(Keeper *k, bool busy)
{
    pthread_mutex_lock(&k->lock);
    k->busy_since = busy ? clock_seconds() : 0;
    pthread_mutex_unlock(&k->lock);
}

/* ---- What the thread does ---- */

static void look_at_store(Keeper *k)
{
    Error err = {0};
    store_probe(k->config.store, &err);
    keeper_heard(k, err.code == ERR_NONE ? NULL : &err);
}

static void make_reserve(Keeper *k)
{
    Error err = {0};
    const bool made = reserve_make(k->config.data, &err);
    pthread_mutex_lock(&k->lock);
    const bool news = made && !k->reserve;
    k->reserve = made;
    k->shortage = err;
    pthread_mutex_unlock(&k->lock);
    if (news)
        LOG(k->config.log, LOG_INFO, "reserve_made", log_int("bytes", RESERVE_BYTES));
}

static void note_ids(Keeper *k)
{
    HighWater now = {.event = events_last(k->config.events)};
    const double time = clock_seconds();
    pthread_mutex_lock(&k->lock);
    now.job = k->last_job;
    now.dataset = k->last_dataset;
    const bool due = now.job > k->written.job || now.dataset > k->written.dataset
                     || (now.event > k->written.event && time - k->written_at >= TIDY_SECONDS);
    pthread_mutex_unlock(&k->lock);
    if (!due || !high_water_write(k->config.data, &now, NULL))
        return;
    pthread_mutex_lock(&k->lock);
    k->written = now;
    k->written_at = time;
    pthread_mutex_unlock(&k->lock);
}

/* Between two steps of what takes long: the disk has answered, and others may want to write. */
static bool go_on(void *context)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    Keeper *k = context;
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&k->lock);
    const bool stop = k->stop;
    k->busy_since = clock_seconds();
    pthread_mutex_unlock(&k->lock);
    return !stop;
}

static void give_space_back(Keeper *k)
{
    for (bool more = true; more && go_on(k);)
        more = store_shrink(k->config.store, &more, NULL) && more;
}

/* What cannot go now is tried again at the next look; the space of what has gone is given back all
 * the same. */
static void finish_removals(Keeper *k, bool again)
{
    const RemovalRules rules = {.again = again, .go_on = go_on, .context = k};
    const bool ok = removals_finish(k->config.data, k->config.store, rules, k->config.log, NULL);
    give_space_back(k);
    if (ok)
        return;
    pthread_mutex_lock(&k->lock);
    k->left = !k->removals;  // nothing came meanwhile
    k->removals = true;
    pthread_mutex_unlock(&k->lock);
}

/* Ten seconds of a fast training are some thousand events: not worth a thought before. */
static void prune_events(Keeper *k)
{
    const PruneRules rules = {.since = k->pruned, .go_on = go_on, .context = k};
    const int64_t last = events_last(k->config.events);
    bool any = false;
    if (last > k->pruned && events_prune(k->config.events, k->config.store, rules, &any))
        k->pruned = last;
    if (any)
        give_space_back(k);
}

typedef struct {
    bool look, reserve, removals;
    bool again;  // of the removals: nothing but what was left is to be finished
} Chores;

/* Wait for something to do; false: to end. */
static bool wait_for_work(Keeper *k, Chores *todo)
{
    pthread_mutex_lock(&k->lock);
    const bool soon = k->fault.code != ERR_NONE || !k->reserve || k->removals;
    const struct timespec until = clock_after(soon ? LOOK_SECONDS : TIDY_SECONDS);
    int waited = 0;
    while (!k->stop && !k->woken && waited == 0)
        waited = pthread_cond_timedwait(&k->wake, &k->lock, &until);
    *todo = (Chores){
        .look = k->look || k->fault.code != ERR_NONE,
        .reserve = !k->reserve,
        .removals = k->removals,
        .again = k->left,
    };
    k->look = k->removals = k->left = k->woken = false;
    const bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return !stop;
}

static void *work(void *context)
{
    Keeper *k = context;
    Chores todo;
    double pruned_at = 0;
    while (wait_for_work(k, &todo)) {
        set_busy(k, true);
        if (todo.reserve)
            make_reserve(k);
        if (todo.look)
            look_at_store(k);
        if (todo.removals)
            finish_removals(k, todo.again);
        if (clock_seconds() - pruned_at >= TIDY_SECONDS) {
            prune_events(k);
            removals_of_away(k->config.data, k->config.store, k->config.log);
            pruned_at = clock_seconds();
        }
        note_ids(k);
        set_busy(k, false);
    }
    return NULL;
}

/* ---- Start and stop ---- */

static void keeper_free(Keeper *k)
{
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

bool keeper_start(const KeeperConfig *config, Keeper **out, Error *err)
{
    Keeper *k = xcalloc(1, sizeof *k);
    k->config = *config;
    k->woken = true;  // there may be something to prune from before
    k->written = high_water_read(config->data);
    k->last_job = k->written.job;
    k->last_dataset = k->written.dataset;
    pthread_mutex_init(&k->lock, NULL);
    cond_init_monotonic(&k->wake);
    make_reserve(k);
    if (!timed_thread_start(&k->thread, work, k, "the keeper's thread", err)) {
        keeper_free(k);
        return false;
    }
    *out = k;
    return true;
}

bool keeper_stop(Keeper *k, double seconds)
{
    if (!k)
        return true;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    if (!timed_thread_join(&k->thread, seconds))
        return false;
    k->written_at = 0;
    note_ids(k);
    keeper_free(k);
    return true;
}

/* ---- Questions and news ---- */

/* With the lock held. */
static void wake(Keeper *k)
{
    k->woken = true;
    pthread_cond_signal(&k->wake);
}

static bool is_short(const Keeper *k, Error *err)
{
    return !k->reserve
           && !fail(err, ERR_NO_SPACE, "the disk of %s is full: %s", k->config.data,
                    k->shortage.code != ERR_NONE ? k->shortage.message
                                                 : "the reserve has just been given away");
}

bool keeper_state(Keeper *k, Error *err)
{
    const double now = clock_seconds();
    const double writing = store_writing_seconds(k->config.store);
    bool ok = true;
    pthread_mutex_lock(&k->lock);
    const double busy = k->busy_since > 0 ? now - k->busy_since : 0;
    const double stalled = busy > writing ? busy : writing;
    if (stalled > STALLED_SECONDS) {
        ok = fail(err, ERR_IO, "the disk of %s has not answered for %.0f s", k->config.data,
                  stalled);
    } else if (k->fault.code != ERR_NONE) {
        *err = k->fault;
        ok = false;
    } else if (is_short(k, err)) {
        ok = false;
    }
    pthread_mutex_unlock(&k->lock);
    return ok;
}

bool keeper_ready(Keeper *k, Error *err)
{
    const double now = clock_seconds();
    pthread_mutex_lock(&k->lock);
    if (now - k->looked_at >= LOOK_SECONDS) {
        k->look = true;
        k->looked_at = now;
        wake(k);
    }
    pthread_mutex_unlock(&k->lock);
    return keeper_state(k, err);
}

bool keeper_admits(Keeper *k, Error *err)
{
    pthread_mutex_lock(&k->lock);
    const bool ok = !is_short(k, err);
    pthread_mutex_unlock(&k->lock);
    return ok;
}

static bool is_of_the_store(ErrorCode code)
{
    return code == ERR_IO || code == ERR_NO_SPACE || code == ERR_NO_MEMORY || code == ERR_DAMAGED;
}

void keeper_heard(Keeper *k, const Error *err)
{
    if (err && (!is_of_the_store(err->code) || row_is_damaged(err)))
        return;
    pthread_mutex_lock(&k->lock);
    if (err && err->code == ERR_NO_SPACE && !k->reserve) {
        pthread_mutex_unlock(&k->lock);
        return;  // that space is short is known, and why
    }
    const bool was = k->fault.code == ERR_NONE, is = !err;
    k->fault = err ? *err : (Error){0};
    if (was && !is)
        wake(k);
    pthread_mutex_unlock(&k->lock);
    if (was && !is)
        LOG(k->config.log, LOG_ERROR, "store_fails", log_text("error", err->message));
    if (!was && is)
        LOG(k->config.log, LOG_INFO, "store_works", log_text("what", "it can be written again"));
}

void keeper_release(Keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool had = k->reserve;
    pthread_mutex_unlock(&k->lock);
    if (!had)
        return;
    // Before it is known to be gone: the thread would find it there, and call it made.
    reserve_release(k->config.data);
    pthread_mutex_lock(&k->lock);
    had = k->reserve;
    k->reserve = false;
    k->shortage = (Error){0};
    wake(k);
    pthread_mutex_unlock(&k->lock);
    if (had)
        LOG(k->config.log, LOG_WARNING, "reserve_given", log_int("bytes", RESERVE_BYTES));
}

void keeper_job_created(Keeper *k, int64_t id)
{
    pthread_mutex_lock(&k->lock);
    if (id > k->last_job)
        k->last_job = id;
    wake(k);
    pthread_mutex_unlock(&k->lock);
}

void keeper_dataset_created(Keeper *k, int64_t id)
{
    pthread_mutex_lock(&k->lock);
    if (id > k->last_dataset)
        k->last_dataset = id;
    wake(k);
    pthread_mutex_unlock(&k->lock);
}

void keeper_finish_removals(Keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->removals = true;
    k->left = false;
    wake(k);
    pthread_mutex_unlock(&k->lock);
}
