/* server/daemon_start.c -- makes the parts of the daemon, each as the configuration has it. */
#include "server/daemon_start.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/api/path_headers.h"
#include "server/api/routes.h"
#include "server/base/descriptors.h"
#include "server/base/time.h"
#include "server/listen_address.h"
#include "server/work/estimate.h"
#include "server/work/import_set.h"
#include "server/work/machine/cpus.h"

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
        .launcher_seconds = config->launcher_seconds,
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

/* What the settings name may be on a disk that comes later. */
static void note_datasets(const Daemon *d, const ServerConfig *config)
{
    if (config->datasets[0] && access(config->datasets, R_OK | X_OK) != 0)
        LOG(d->log, LOG_WARNING, "datasets_away", log_text("folder", config->datasets),
            log_text("error", strerror(errno)));
}

static bool open_datasets(Daemon *d, const ServerConfig *config, Error *err)
{
    note_datasets(d, config);
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
bool daemon_start(Daemon *d, const ServerConfig *config, Error *err)
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
