/* DESIGN  Rank 0 is asked and answers in lines (server/launch/report.h). This thread waits for them
 * and, ten times a second, for what is asked of the run. Everything is recorded as it comes: rank 0
 * may be ahead, but not of a checkpoint, whose answer it awaits. The folder of the job is locked as
 * long as anything of a launch lives, so that ranks of a daemon that died have ended before others
 * begin. */
#include "server/work/launched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/files/lock.h"
#include "core/base/memory.h"
#include "server/data/dataset_files.h"
#include "server/data/dataset_folder.h"
#include "server/jobs/files/job_files.h"
#include "server/launch/launch.h"
#include "server/launch/order.h"
#include "server/launch/report.h"
#include "server/work/launched_silence.h"
#include "server/work/launched_words.h"

enum {
    TICK_MS = 100,
    LOCK_SECONDS = 30,  // that ranks of an earlier daemon may take to end
    DEAF_SECONDS = 30,  // of silence after which ranks that were told to stop are given up
    END_MS = 3000,      // that the launcher may take to end once rank 0 has said its last word
};

typedef struct {
    const LaunchedTraining *l;
    Run *run;
    Launch *launch;
    LaunchedSilence silence;
    bool ready, ended, over, done;  // ended: it has reached its end
    bool told_to_stop;
    int64_t step;
    double heard_at;
    LaunchedWords words;
} Talk;

/* ---- The order ---- */

/* Paths as the ranks can use them. */
static char *absolute(const char *path)
{
    char here[4096];
    if (path[0] == '/' || !getcwd(here, sizeof here))
        return xstrdup(path);
    return xasprintf("%s/%s", here, path);
}

/* The same in the settings. */
static bool put_path(const char *path, char to[SPEC_PATH], Error *err)
{
    char *whole = absolute(path);
    const bool fits = snprintf(to, SPEC_PATH, "%s", whole) < SPEC_PATH;
    free(whole);
    return fits || fail(err, ERR_INVALID, "the path of %.200s is too long", path);
}

/* The data set as a known name or a folder. */
static bool name_dataset(const LaunchedTraining *l, JobSpec *spec, char **folder, Error *err)
{
    bool ok = true;
    const DatasetInfo *known = spec->set.id == 0 ? dataset_find(spec->dataset) : NULL;
    if (known && l->datasets) {
        char *own = dataset_folder(l->datasets, known);
        *folder = absolute(own);
        free(own);
    } else if (spec->set.id > 0) {
        char *pixels = xasprintf("%s/", dataset_pixels_path(l->recorder->data, spec->set.id).text);
        ok = put_path(pixels, spec->dataset, err);
        free(pixels);
    }
    return ok;
}

static bool send_order(const Talk *t, Error *err)
{
    const LaunchedTraining *l = t->l;
    const TrainConfig *how = l->how;
    Order order = {.spec = *l->spec, .ranks = l->spec->ranks, .kernels = how->kernels};
    char *folder = NULL;
    char *checkpoint = absolute(how->checkpoint_path), *autotune = absolute(how->autotune_path);
    char **resume = xcalloc((size_t)how->resume_count + 1, sizeof *resume);
    for (int i = 0; i < how->resume_count; i++)
        resume[i] = absolute(how->resume_from[i]);
    order.spec.init_from = (InitFrom){.model = ""};
    const bool ok =
        name_dataset(l, &order.spec, &folder, err)
        && (!how->init_from || put_path(how->init_from, order.spec.init_from.file, err));
    order.folder = folder;
    order.name = run_job(t->run)->dataset.name;
    order.checkpoint = checkpoint;
    order.autotune = autotune;
    order.resume = (const char **)resume;
    order.resume_count = how->resume_count;
    order.checkpoint_seconds = how->checkpoint_every_seconds;
    char *line = order_line(&order);
    if (ok)
        launch_send(t->launch, line);
    free(line);
    for (int i = 0; i < how->resume_count; i++)
        free(resume[i]);
    free(resume);
    free(checkpoint);
    free(autotune);
    free(folder);
    return ok;
}

/* ---- What the ranks say ---- */

/* What ranks and launcher say on standard error: what the program says is told as a note. */
static bool take_words(Talk *t, const char *line)
{
    return launched_words_take(&t->words, line, t->ready && !t->over, &t->l->recorder->fault);
}

/* A line of standard output that is no report is the launcher's. */
static bool take_other(Talk *t, const char *line, Error *err)
{
    launch_remember(t->launch, line);
    if (!t->silence.joined && report_is_framed(line))
        return fail(err, ERR_INVALID,
                    "the launcher does not bring back what rank 0 prints as it is, but as: %.160s",
                    line);
    return take_words(t, line);
}

/* The fault of ranks that are gone; what they said comes with the end. */
static bool gone(const Talk *t, Error *err)
{
    return fail_lost(err, t->told_to_stop ? ERR_STOPPED : ERR_INVALID, "the ranks have ended");
}

/* Whether the ranks were told to stop long ago, and nothing has come of it: neither a launcher that
 * goes on printing nor a rank 0 that lives says that anything will. */
static bool deaf(const Talk *t)
{
    return t->told_to_stop && clock_seconds() - t->heard_at > DEAF_SECONDS;
}

/* What a line of standard output says. */
static bool take_line(Talk *t, const char *line, Report *report, Error *err)
{
    report_read(line, report);
    if (report->type == REPORT_OTHER)
        return take_other(t, line, err);
    if (report->type != REPORT_ALIVE)
        t->heard_at = clock_seconds();
    launched_silence_ends(&t->silence);
    return true;
}

/* Read a report in *report, to be freed. Waits for one tick; REPORT_OTHER where none came. */
static bool hear(Talk *t, Report *report, Error *err)
{
    const char *line;
    *report = (Report){.type = REPORT_OTHER};
    run_part(t->run);
    const double start = clock_seconds();
    const LaunchNews news = launch_wait(t->launch, TICK_MS, &line);
    const double waited = clock_seconds() - start;
    if (news == LAUNCH_CLOSED)
        return gone(t, err);
    if ((news == LAUNCH_LINE && !take_line(t, line, report, err))
        || (news == LAUNCH_WORDS && !take_words(t, line)))
        return false;
    if (deaf(t))
        return gone(t, err);
    // Whatever a launcher says by itself is no sign of rank 0.
    if (report->type == REPORT_OTHER
        && !launched_silence_goes_on(&t->silence, waited, t->run, &t->l->recorder->fault))
        return t->silence.over && gone(t, err);
    return true;
}

/* Recorder.save_model: rank 0 has the weights. */
static bool save_model(void *context, const char *path, Error *err)
{
    Talk *t = context;
    char *whole = absolute(path), *line = xasprintf("model %s", whole);
    launch_send(t->launch, line);
    free(line);
    free(whole);
    while (true) {
        Report report;
        if (!hear(t, &report, err))
            return false;
        const bool saved = report.type == REPORT_SAVED, failed = report.type == REPORT_FAILED;
        if (failed)
            *err = report.error;
        report_free(&report);
        if (saved || failed)
            return saved;
    }
}

static bool take_event(Talk *t, Report *report, Error *err)
{
    Recorder *r = t->l->recorder;
    const TrainEventType type = report->event.type;
    if (!t->ready)
        return fail(err, ERR_INVALID, "rank 0 reports an event before it is ready");
    t->step = report->event.step;
    t->ended = type == TRAIN_END;
    r->resumed = &report->resumed;
    r->transfer = &report->transfer;
    const TrainAnswer answer = recorder_event(r, &report->event);
    t->heard_at = clock_seconds();  // a disk may have been waited for
    r->resumed = NULL;
    r->transfer = NULL;
    if (answer == TRAIN_STOP)
        return false;  // r->fault says why
    if (type == TRAIN_CHECKPOINT || type == TRAIN_CHECKPOINT_FAILED)
        launch_send(t->launch, REPORT_ANSWER_NAMES[answer]);
    return true;
}

static bool take_hello(Talk *t, int ranks, Error *err)
{
    t->silence.joined = ranks == t->l->spec->ranks;
    return t->silence.joined
           || fail(err, ERR_INVALID, "the launcher has started %d rank%s that %s together, not %d",
                   ranks, ranks == 1 ? "" : "s", ranks == 1 ? "stands" : "stand",
                   t->l->spec->ranks);
}

static bool take_report(Talk *t, Report *report, Error *err)
{
    switch (report->type) {
    case REPORT_HELLO:
        return take_hello(t, report->ranks, err);
    case REPORT_READY:
        t->ready = report->epoch_steps > 0;
        t->l->recorder->epoch_steps = report->epoch_steps;
        return run_environment(t->run, &report->where, &t->l->recorder->fault);
    case REPORT_EVENT:
        return take_event(t, report, err);
    case REPORT_DONE:
        t->over = true;
        t->done = t->ended;
        return t->done || fail(err, ERR_INVALID, "rank 0 is done before the training has ended");
    case REPORT_STOPPED:
        t->over = true;
        return fail(err, ERR_STOPPED, "stopped");
    case REPORT_FAILED:
        t->over = true;
        *err = report->error;
        return false;
    case REPORT_SAVED:
    case REPORT_ALIVE:
    case REPORT_OTHER:
        break;
    }
    return true;
}

/* ---- What is asked of the run ---- */

/* False: it ends here, there is nothing to save. */
static bool pass_requests(Talk *t, Error *err)
{
    const RunRequests asked = run_requests(t->run, t->ready && t->step > 0);
    if (asked.checkpoint)
        launch_send(t->launch, "checkpoint");
    if (!asked.stop || t->told_to_stop)
        return true;
    if (!t->ready)
        return fail(err, ERR_STOPPED, "stopped before the ranks were ready");
    t->told_to_stop = true;
    t->heard_at = clock_seconds();
    launch_send(t->launch, "stop");
    return true;
}

static bool talk(Talk *t, Error *err)
{
    bool ok = true;
    while (ok && !t->over) {
        Report report;
        ok = hear(t, &report, err) && take_report(t, &report, err);
        report_free(&report);
        ok = ok && (t->over || pass_requests(t, err));
    }
    return ok && t->done;
}

/* ---- From the beginning to the end ---- */

/* The folder's lock; -1: *err says why. */
static int lock_folder(const Talk *t, Error *err)
{
    const Path folder = job_folder(t->l->recorder->data, run_job(t->run)->id);
    const double until = clock_seconds() + LOCK_SECONDS;
    int lock;
    while ((lock = lock_take(folder.text, TICK_MS, err)) < 0 && err->code == ERR_CONFLICT) {
        run_part(t->run);
        if (run_requests(t->run, false).stop) {
            fail(err, ERR_STOPPED, "stopped before the ranks were started");
            return -1;
        }
        if (clock_seconds() > until) {
            fail_lost(err, ERR_INVALID, "ranks of an earlier start do not end");
            return -1;
        }
        *err = (Error){0};
    }
    return lock;
}

/* What ended unasked says how. */
static void explain_loss(const Talk *t, const char *how, Error *err)
{
    Recorder *r = t->l->recorder;
    char text[sizeof err->message];
    if (r->fault.code != ERR_NONE && !error_is_lost(&r->fault))
        return;
    const bool recorded = r->fault.code == ERR_NONE;
    const Error was = recorded ? *err : r->fault;
    if (!error_is_lost(&was))
        return;
    if (t->silence.over) {
        char late[120];
        launched_silence_text(&t->silence, late, sizeof late);
        snprintf(text, sizeof text, "%s and was ended: %s", late, how);
    } else {
        snprintf(text, sizeof text, "the ranks ended before the training: %s", how);
    }
    r->fault = (Error){0};
    fail_lost(err, was.code, text);
}

bool launched_train(const LaunchedTraining *l, Error *err)
{
    Talk t = {.l = l, .run = l->recorder->run, .words = {.run = l->recorder->run, .log = l->log}};
    char how[LAUNCH_TEXT];
    if (!l->launcher)
        return fail(err, ERR_INVALID,
                    "a job of %d ranks needs a launcher, which this daemon has not",
                    l->spec->ranks);
    const int lock = lock_folder(&t, err);
    if (lock < 0)
        return false;
    const LaunchConfig config = {.launcher = l->launcher, .ranks = l->spec->ranks, .lock = lock};
    const bool started = launch_start(&config, &t.launch, err);
    close(lock);  // the guard has it as well
    if (!started)
        return false;
    l->recorder->save_model = save_model;
    l->recorder->context = &t;
    t.heard_at = clock_seconds();
    t.silence = launched_silence(l->launcher_seconds, l->spec->ranks);
    const bool done = send_order(&t, err) && talk(&t, err);
    launch_end(t.launch, t.over ? END_MS : 0, how);
    launched_words_flush(&t.words);
    explain_loss(&t, how, err);
    return done;
}
