#include "server/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/api/api.h"
#include "server/api/routes.h"
#include "server/base/descriptors.h"
#include "server/base/time.h"
#include "server/data/datasets.h"
#include "server/data/datasets_import.h"
#include "server/jobs/jobs.h"
#include "server/jobs/runs.h"
#include "server/listen_address.h"
#include "server/notify.h"
#include "server/signals.h"
#include "server/work/estimate.h"
#include "server/work/evaluator.h"
#include "server/work/import_set.h"
#include "server/work/importer.h"
#include "server/work/machine/cpus.h"
#include "server/work/worker.h"

// Of the 8 seconds that an end may take.
static const double LEAVE_SECONDS = 7.5, WORKERS_STOP_SECONDS = 5, PREDICTOR_STOP_SECONDS = 1;

typedef struct {
    Log *log;
    Signals *signals;
    Jobs *jobs;
    Datasets *sets;
    OpenSets *open_sets;
    Workers *workers;
    Quota *quota;
    Uploads *uploads;
    Importer *importer;
    Models *models;
    Predictor *predictor;
    PictureDecoders *decoders;
    char *kernels;  // file of the kernels chosen
    Evaluations *evaluations;
    Evaluator *evaluator;
    HttpCounts counts;
    cJSON *limits;  // as the configuration has them
    App app;
    Http *http;
} Daemon;

/* ---- Start ---- */

static int cores(const ServerConfig *config)
{
    return cpus_granted(config->threads);
}

static const char *or_null(const char *setting)
{
    return setting[0] ? setting : NULL;
}

static bool start_workers(Daemon *d, const ServerConfig *config, Error *err)
{
    const WorkersConfig how = {
        .workers = config->workers,
        .threads = cores(config),
        .checkpoint_seconds = config->checkpoint_seconds,
        .data = config->data,
        .datasets = or_null(config->datasets),
        .sets = datasets_for_specs(d->sets),
        .models = d->models,
        .kernels = d->kernels,
        .launcher = or_null(config->launcher),
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

/* How many connections there may be, so that clients leave descriptors for the store and for
 * checkpoints; each may have a file open, too. 0, with an error, if there is room for none. */
static int fit_connections(const Daemon *d, const ServerConfig *config, Error *err)
{
    enum { OURS = 64, SPARE = 448 };  // spare: connections that come and are closed at once
    const int wanted = config->limits.connections;
    const int descriptors = descriptors_allow(2 * wanted + OURS + SPARE);
    const int room = (descriptors - OURS) / 2;
    if (room < 1)
        fail(err, ERR_INVALID,
             "the process may have %d open files (ulimit -n), and at least %d are needed",
             descriptors, OURS + 2);
    if (room >= wanted || room < 1)
        return room < 1 ? 0 : wanted;
    LOG(d->log, LOG_WARNING, "few_descriptors", log_int("descriptors", descriptors),
        log_int("connections", room));
    return room;
}

static bool start_listening(Daemon *d, const ServerConfig *config, Error *err)
{
    ListenAddress address;
    if (!listen_address_parse(config->listen, &address, err))
        return false;
    const int connections = fit_connections(d, config, err);
    if (connections == 0)
        return false;
    const HttpConfig how = {
        .counts = &d->counts,
        .log = d->log,
        .web = web_folder(config),
        .token = config->token,
        .read_token = config->read_token,
        .hosts = config->hosts,
        .address = address.host,
        .port = address.port,
        .threads = config->http_threads,
        .handlers = config->http_handlers,
        .connections = connections,
        .connections_per_address = config->limits.connections_per_address,
        .waiting = config->limits.waiting_requests,
        .body_bytes = (size_t)config->limits.body_bytes,
        .predictors = config->limits.predictions,
        .predict_bytes = (size_t)config->limits.predict_bytes,
        .bodies = config->limits.upload_connections,
        .body_bytes_per_second = config->limits.upload_bytes_per_second,
        .request_seconds = config->limits.request_seconds,
        .idle_seconds = config->limits.idle_seconds,
        .heartbeat_seconds = config->limits.heartbeat_seconds,
    };
    return http_listen(&how, &d->http, err);
}

static bool start_serving(Daemon *d, const ServerConfig *config, Error *err)
{
    d->limits = config_limits_to_json(config);
    d->app = (App){
        .jobs = d->jobs,
        .quota = d->quota,
        .uploads = d->uploads,
        .sets = d->sets,
        .open_sets = d->open_sets,
        .models = d->models,
        .predictor = d->predictor,
        .decoders = d->decoders,
        .predict_seconds = config->limits.predict_seconds,
        .evaluations = d->evaluations,
        .log = d->log,
        .datasets = or_null(config->datasets),
        .data = config->data,
        .launches = config->launcher[0] != '\0',
        .imports = config->imports[0] != '\0',
        .limits = d->limits,
        .version = GOOGLENETD_VERSION,
        .job_threads = job_threads(cores(config), config->workers),
        .workers = config->workers,
        .usable_cores = cpus_usable(),
        .heartbeat_seconds = config->limits.heartbeat_seconds,
        .started_at = time_now_ms(),
        .started_clock = clock_seconds(),
        .max_streams = config->limits.streams,
        .counts = &d->counts,
    };
    HttpService service = {
        .app = &d->app, .events = jobs_notifier(d->jobs), .add_headers = add_path_headers};
    service.routes = routes_table(&service.route_count);
    return http_serve(d->http, &service, err);
}

static bool open_uploads(Daemon *d, const ServerConfig *config, Error *err)
{
    d->quota = quota_new(config->limits.datasets_bytes);
    const UploadsConfig how = {
        .data = config->data,
        .upload_bytes = config->limits.upload_bytes,
        .most = config->limits.uploads,
        .expire_ms = config->limits.upload_idle_seconds * (int64_t)1000,
        .quota = d->quota,
        .log = d->log,
    };
    return uploads_open(&how, &d->uploads, err);
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

static bool open_datasets(Daemon *d, const ServerConfig *config, Error *err)
{
    const DatasetsConfig how = {
        .data = config->data,
        .imports = or_null(config->imports),
        .max_sets = config->limits.datasets,
        .jobs = d->jobs,
        .uploads = d->uploads,
        .quota = d->quota,
        .log = d->log,
    };
    d->open_sets = open_sets_new();
    return datasets_open(&how, &d->sets, err);
}

static bool open_models(Daemon *d, const ServerConfig *config, Error *err)
{
    const ModelsConfig how = {.data = config->data,
                              .max_versions = config->limits.models,
                              .jobs = d->jobs,
                              .log = d->log};
    return models_open(&how, &d->models, err);
}

static bool start_importer(Daemon *d, const ServerConfig *config, Error *err)
{
    const ImporterConfig how = {
        .sets = d->sets,
        .data = config->data,
        .decoders = config->import_processes ? config->import_processes : cores(config),
        .run = import_set,
        .log = d->log,
    };
    return importer_start(&how, &d->importer, err);
}

static bool start_predictor(Daemon *d, const ServerConfig *config, Error *err)
{
    enum { PICTURES_WAITING = 4096 };
    const PictureDecodersConfig decoders = {
        .processes = config->predict_processes ? config->predict_processes : cores(config),
        .most_bytes = (size_t)config->limits.predict_bytes,
        .limits = {.max_pixels = 64 << 20, .max_memory = 640 << 20},
        .seconds = config->limits.predict_seconds,
    };
    const int all = cores(config), asked = config->predict_threads;
    const PredictorConfig how = {
        .threads = asked > 0 && asked < all ? asked : all,
        .bytes = config->limits.models_bytes,
        .idle_seconds = config->limits.models_idle_seconds,
        .waiting = PICTURES_WAITING,
        .fits = model_fits,
        .kernels = d->kernels,
        .log = d->log,
    };
    d->decoders = picture_decoders_new(&decoders);
    return predictor_start(&how, &d->predictor, err);
}

static bool open_evaluations(Daemon *d, const ServerConfig *config, Error *err)
{
    const EvaluationsConfig how = {.data = config->data,
                                   .most = config->limits.evaluations,
                                   .jobs = d->jobs,
                                   .models = d->models,
                                   .log = d->log};
    return evaluations_open(&how, &d->evaluations, err);
}

static bool start_evaluator(Daemon *d, const ServerConfig *config, Error *err)
{
    const EvaluatorConfig how = {
        .how =
            {
                .evaluations = d->evaluations,
                .data = config->data,
                .datasets = or_null(config->datasets),
                .sets = datasets_for_specs(d->sets),
                .kernels = d->kernels,
                .threads = job_threads(cores(config), config->workers),
            },
        .log = d->log,
    };
    return evaluator_start(&how, &d->evaluator, err);
}

/* The port first: where it is taken, nothing of the data has been touched. */
static bool start(Daemon *d, const ServerConfig *config, Error *err)
{
    const JobsConfig jobs = {.data = config->data, .max_jobs = config->limits.jobs, .log = d->log};
    d->kernels =
        config->kernels[0] ? xstrdup(config->kernels) : xasprintf("%s/kernels.txt", config->data);
    return start_listening(d, config, err) && jobs_open(&jobs, &d->jobs, err)
           && open_uploads(d, config, err) && open_datasets(d, config, err)
           && open_models(d, config, err) && start_predictor(d, config, err)
           && open_evaluations(d, config, err) && start_serving(d, config, err)
           && start_workers(d, config, err) && start_importer(d, config, err)
           && start_evaluator(d, config, err);
}

/* ---- Run ---- */

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
    const bool handlers = http_stop(d->http), uploads = handlers && uploads_close(d->uploads);
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

bool daemon_run(const ServerConfig *config, Error *err)
{
    signal(SIGPIPE, SIG_IGN);
    Daemon d = {.signals = signals_new(LEAVE_SECONDS)};
    if (!d.signals)
        return fail(err, ERR_NO_MEMORY, "the thread for signals cannot be made");
    d.log = log_new(STDERR_FILENO, config->log.level, config->log.format);
    const bool started = start(&d, config, err);
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
