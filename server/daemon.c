#include "server/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/api/api.h"
#include "server/api/routes.h"
#include "server/base/time.h"
#include "server/jobs/jobs.h"
#include "server/jobs/runs.h"
#include "server/notify.h"
#include "server/work/cpus.h"
#include "server/work/worker.h"

static const double WORKERS_STOP_SECONDS = 6;  // of the 8 that an end may take

typedef struct {
    Log *log;
    Jobs *jobs;
    Workers *workers;
    HttpCounts counts;
    App app;
    Http *http;
} Daemon;

/* ---- Start ---- */

static int cores(const ServerConfig *config)
{
    return cpus_granted(config->threads);
}

static bool start_workers(Daemon *d, const ServerConfig *config, Error *err)
{
    const WorkersConfig how = {
        .workers = config->workers,
        .threads = cores(config),
        .checkpoint_seconds = config->checkpoint_seconds,
        .data = config->data,
        .datasets = config->datasets[0] ? config->datasets : NULL,
        .kernels = config->kernels[0] ? config->kernels : NULL,
        .log = d->log,
    };
    LOG(d->log, LOG_INFO, "workers", log_int("workers", how.workers),
        log_int("threads", how.threads));
    return workers_start(d->jobs, &how, &d->workers, err);
}

/* The dashboard: what the settings say, else the installed one, else that of the source tree. "" if
 * there is none. */
static const char *web_folder(const ServerConfig *config)
{
    const char *const folders[] = {config->web, WEB_INSTALLED, WEB_SOURCE};
    for (size_t i = 0; i < COUNT(folders); i++) {
        if (folders[i][0] && (i == 0 || access(folders[i], R_OK) == 0))
            return folders[i];
    }
    return "";
}

static bool start_http(Daemon *d, const ServerConfig *config, Error *err)
{
    ListenAddress address;
    if (!config_listen_address(config->listen, &address, err))
        return false;
    d->app = (App){
        .jobs = d->jobs,
        .log = d->log,
        .datasets = config->datasets[0] ? config->datasets : NULL,
        .data = config->data,
        .version = GOOGLENETD_VERSION,
        .job_threads = job_threads(cores(config), config->workers),
        .workers = config->workers,
        .usable_cores = cpus_usable(),
        .heartbeat_seconds = config->limits.heartbeat_seconds,
        .started_at = time_now_ms(),
        .max_streams = config->limits.streams,
        .counts = &d->counts,
    };
    HttpConfig how = {
        .app = &d->app,
        .counts = &d->counts,
        .bell = jobs_notifier(d->jobs),
        .log = d->log,
        .web = web_folder(config),
        .token = config->token,
        .address = address.host,
        .port = address.port,
        .threads = config->http_threads,
        .connections = config->limits.connections,
        .connections_per_address = config->limits.connections_per_address,
        .body_bytes = (size_t)config->limits.body_bytes,
        .request_seconds = config->limits.request_seconds,
        .idle_seconds = config->limits.idle_seconds,
        .heartbeat_seconds = config->limits.heartbeat_seconds,
    };
    how.routes = routes_table(&how.route_count);
    if (!http_start(&how, &d->http, err))
        return false;
    LOG(d->log, LOG_INFO, "listening", log_text("address", address.host),
        log_int("port", http_port(d->http)));
    return true;
}

static bool start(Daemon *d, const ServerConfig *config, Error *err)
{
    const JobsConfig jobs = {.data = config->data, .max_jobs = config->limits.jobs, .log = d->log};
    return jobs_open(&jobs, &d->jobs, err) && start_workers(d, config, err)
           && start_http(d, config, err);
}

/* ---- Run ---- */

static sigset_t our_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

/* Wait for a signal that ends the daemon; feed the watchdog as long as training moves on. */
static int wait_for_end(Daemon *d)
{
    const sigset_t set = our_signals();
    const double watchdog = notify_watchdog_seconds();
    const double period = watchdog > 0 && watchdog / 3 < 1 ? watchdog / 3 : 1;
    const struct timespec pause = {(time_t)period, (long)((period - (double)(long)period) * 1e9)};
    while (true) {
        const int signal = sigtimedwait(&set, NULL, &pause);
        if (signal == SIGTERM || signal == SIGINT)
            return signal;
        if (signal == SIGHUP) {
            LOG(d->log, LOG_INFO, "checkpoint_all", log_text("signal", "SIGHUP"));
            jobs_checkpoint_all(d->jobs);
        }
        if (watchdog > 0 && jobs_silence(d->jobs) < watchdog)
            notify("WATCHDOG=1");
    }
}

/* ---- End ---- */

static void end_at_once(int signal)
{
    raise(signal);        // whose handler is the usual one again, so that it kills
    _exit(128 + signal);  // but not process 1, as in a container
}

/* The next SIGTERM or SIGINT ends the process as if nothing had been arranged. */
static void let_signals_kill(void)
{
    const sigset_t set = our_signals();
    const struct sigaction end = {.sa_handler = end_at_once,
                                  .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    signal(SIGHUP, SIG_IGN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* The workers first: until they have ended, clients can still see what happens. */
static void stop(Daemon *d)
{
    const bool in_time = workers_stop(d->workers, WORKERS_STOP_SECONDS);
    if (d->jobs)
        events_close(jobs_notifier(d->jobs));
    http_stop(d->http);
    if (!in_time) {
        // A worker is still in the middle of a step and uses everything; its job goes on from the
        // last checkpoint.
        LOG(d->log, LOG_WARNING, "left_in_a_step", log_real("seconds", WORKERS_STOP_SECONDS));
        _exit(0);
    }
    jobs_close(d->jobs);
}

bool daemon_run(const ServerConfig *config, Error *err)
{
    Daemon d = {.log = log_new(STDERR_FILENO, config->log.level, config->log.format)};
    // All threads inherit the mask: signals come to the wait below and nowhere else.
    const sigset_t set = our_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    const bool started = start(&d, config, err);
    if (started) {
        notify("READY=1");
        const int came = wait_for_end(&d);
        notify("STOPPING=1");
        LOG(d.log, LOG_INFO, "stopping", log_text("signal", came == SIGINT ? "SIGINT" : "SIGTERM"));
    }
    let_signals_kill();
    stop(&d);
    if (started)
        LOG(d.log, LOG_INFO, "stopped", log_int("exit", 0));
    log_free(d.log);
    return started;
}
