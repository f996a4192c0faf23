/* server/api/api.h -- what the handlers share, and their names, by resource. */
#pragma once
#include <stdatomic.h>

#include "server/api/router.h"
#include "server/jobs/cpus.h"
#include "server/jobs/jobs.h"

typedef struct Pages Pages;  // the dashboard's files: server/api/pages.h

/* Counted by the HTTP glue and the streams, shown by /metrics. */
typedef struct {
    atomic_llong requests[6];  // answered, by the first digit of the status
    atomic_int connections;    // open now
    atomic_int streams;        // readers of events now
    atomic_llong cut;          // connections closed because a request took too long
} HttpCounts;

struct App {
    Jobs *jobs;
    Log *log;              // may be NULL
    const Pages *pages;    // may be NULL
    const char *datasets;  // folder with a folder per set, or NULL
    const char *version;   // of the daemon
    JobThreads job_threads;
    int64_t started_at;  // milliseconds since 1970
    int max_streams;
    HttpCounts counts;
};

/* api_jobs.c, api_steer.c */
bool list_jobs(App *app, const Request *req, Response *res, Error *err);
bool create_job(App *app, const Request *req, Response *res, Error *err);
bool get_job(App *app, const Request *req, Response *res, Error *err);
bool patch_job(App *app, const Request *req, Response *res, Error *err);
bool delete_job(App *app, const Request *req, Response *res, Error *err);
bool clone_job(App *app, const Request *req, Response *res, Error *err);
bool stop_job(App *app, const Request *req, Response *res, Error *err);
bool resume_job(App *app, const Request *req, Response *res, Error *err);
bool checkpoint_job(App *app, const Request *req, Response *res, Error *err);

/* api_series.c */
bool get_epochs(App *app, const Request *req, Response *res, Error *err);
bool get_curve(App *app, const Request *req, Response *res, Error *err);

/* api_events.c */
bool get_job_events(App *app, const Request *req, Response *res, Error *err);
bool get_events(App *app, const Request *req, Response *res, Error *err);

/* api_checkpoints.c */
bool list_checkpoints(App *app, const Request *req, Response *res, Error *err);
bool get_checkpoint(App *app, const Request *req, Response *res, Error *err);
bool get_checkpoint_content(App *app, const Request *req, Response *res, Error *err);

/* api_models.c, api_datasets.c */
bool list_models(App *app, const Request *req, Response *res, Error *err);
bool get_model(App *app, const Request *req, Response *res, Error *err);
bool list_datasets(App *app, const Request *req, Response *res, Error *err);

/* api_system.c */
bool get_livez(App *app, const Request *req, Response *res, Error *err);
bool get_readyz(App *app, const Request *req, Response *res, Error *err);
bool get_metrics(App *app, const Request *req, Response *res, Error *err);
bool get_openapi(App *app, const Request *req, Response *res, Error *err);
