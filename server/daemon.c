#include "server/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "server/daemon_start.h"
#include "server/data/datasets_import.h"
#include "server/jobs/runs.h"
#include "server/listen_address.h"
#include "server/notify.h"
#include "server/unknown_variables.h"

// Of the 8 seconds that an end may take.
static const double LEAVE_SECONDS = 7.5, WORKERS_STOP_SECONDS = 5, PREDICTOR_STOP_SECONDS = 1,
                    UPLOADS_STOP_SECONDS = 0.4;

/* ---- Run ---- */

/* Before anything is opened: a descriptor that nobody gave us would become one of our own files. */
static bool check_ready_fd(int fd, Error *err)
{
    const int flags = fd > 0 ? fcntl(fd, F_GETFL) : O_WRONLY;
    return (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
           || fail(err, ERR_INVALID,
                   "ready_fd %d must be a descriptor that whoever starts the daemon has opened for "
                   "writing",
                   fd);
}

/* Whoever started us can learn from a descriptor where we listen. */
static void tell_ready(const Daemon *d, const ServerConfig *config)
{
    ListenAddress address;
    Error err = {0};
    if (!listen_address_parse(config->listen, &address, &err))
        return;
    const int port = http_port(d->http);
    LOG(d->log, LOG_INFO, "listening", log_text("address", address.host), log_int("port", port));
    if (config->ready_fd > 0) {
        const bool v6 = strchr(address.host, ':') != NULL;
        dprintf(config->ready_fd, v6 ? "[%s]:%d\n" : "%s:%d\n", address.host, port);
        close(config->ready_fd);
    }
    notify("READY=1");
}

/* All three ask for the same. Schedulers warn of the end of their time by SIGUSR1 or SIGUSR2. */
static const char *checkpoint_signal(int number)
{
    return number == SIGHUP ? "SIGHUP" : number == SIGUSR1 ? "SIGUSR1" : "SIGUSR2";
}

/* Wait for a signal that ends the daemon; feed the watchdog as long as training moves on. */
static int wait_for_end(Daemon *d)
{
    const double watchdog = notify_watchdog_seconds();
    const double period = watchdog > 0 && watchdog / 3 < 1 ? watchdog / 3 : 1;
    while (true) {
        const int signal = signals_wait(d->signals, (int)(period * 1000));
        if (signal == SIGTERM || signal == SIGINT)
            return signal;
        if (signal != 0) {
            LOG(d->log, LOG_INFO, "checkpoint_all", log_text("signal", checkpoint_signal(signal)));
            jobs_checkpoint_all(d->jobs);
        }
        if (watchdog > 0 && jobs_silence(d->jobs) < watchdog)
            notify("WATCHDOG=1");
    }
}

/* ---- End ---- */

static double stop_seconds_left(double began)
{
    const double left = WORKERS_STOP_SECONDS - (clock_seconds() - began);
    return left > 0 ? left : 0;
}

/* The workers first: until they have ended, clients can still see what happens. */
static void stop(Daemon *d)
{
    if (d->importer)
        datasets_leave(d->sets);  // it ends beside the workers
    if (d->evaluator)
        evaluations_leave(d->evaluations);  // likewise
    const double began = clock_seconds();
    const bool workers = workers_stop(d->workers, WORKERS_STOP_SECONDS);
    const bool importer = importer_stop(d->importer, stop_seconds_left(began));
    const bool evaluator = evaluator_stop(d->evaluator, stop_seconds_left(began));
    if (d->jobs)
        events_close(jobs_notifier(d->jobs));
    predictor_leave(d->predictor);
    const bool handlers = http_stop(d->http);
    const bool uploads = handlers && uploads_close(d->uploads, UPLOADS_STOP_SECONDS);
    const bool predictor = handlers && predictor_stop(d->predictor, PREDICTOR_STOP_SECONDS);
    if (!predictor || !workers || !uploads || !importer || !evaluator) {
        // What is in the middle of a step of a training, an evaluation or an import, or a handler
        // that waits for the disk, still uses everything. A job goes on from its last checkpoint,
        // an evaluation and an import begin anew.
        const bool steps = workers && importer && evaluator;
        LOG(d->log, LOG_WARNING, steps ? "left_in_a_request" : "left_in_a_step",
            log_real("seconds", WORKERS_STOP_SECONDS));
        log_end(d->log);  // its other users still run
        _exit(0);
    }
    picture_decoders_free(d->decoders);
    free(d->kernels);
    open_sets_free(d->open_sets);
    cJSON_Delete(d->limits);
    models_close(d->models);
    evaluations_close(d->evaluations);
    datasets_close(d->sets);
    quota_free(d->quota);
    jobs_close(d->jobs);
}

static void log_unknown(void *log, const char *name, const char *meant)
{
    if (meant[0])
        LOG(log, LOG_WARNING, "unknown_variable", log_text("variable", name),
            log_text("did_you_mean", meant));
    else
        LOG(log, LOG_WARNING, "unknown_variable", log_text("variable", name));
}

bool daemon_run(const ServerConfig *config, Error *err)
{
    signal(SIGPIPE, SIG_IGN);
    if (!check_ready_fd(config->ready_fd, err))
        return false;
    Daemon d = {.signals = signals_new(LEAVE_SECONDS)};
    if (!d.signals)
        return fail(err, ERR_NO_MEMORY, "the thread for signals cannot be made");
    d.log = log_new(STDERR_FILENO, config->log.level, config->log.format);
    unknown_variables(environ, log_unknown, d.log);
    const bool started = daemon_start(&d, config, err);
    if (started) {
        tell_ready(&d, config);
        const int came = wait_for_end(&d);
        notify("STOPPING=1");
        LOG(d.log, LOG_INFO, "stopping", log_text("signal", came == SIGINT ? "SIGINT" : "SIGTERM"));
    }
    stop(&d);
    if (started)
        LOG(d.log, LOG_INFO, "stopped", log_int("exit", 0));
    log_free(d.log);
    return started;
}
