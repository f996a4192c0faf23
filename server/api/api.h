/* server/api/api.h -- the state that all handlers share, and their declarations by resource. */
#pragma once
#include <stdatomic.h>

#include "server/data/datasets.h"
#include "server/data/open_sets.h"
#include "server/data/uploads/upload.h"
#include "server/http/http.h"
#include "server/jobs/jobs.h"
#include "server/models/evaluations/evaluations.h"
#include "server/models/models.h"
#include "server/models/predictor/picture_decoders.h"
#include "server/models/predictor/predictor.h"
#include "server/work/machine/cpus.h"

struct App {
    Jobs *jobs;
    Quota *quota;  // of data sets and uploads
    Uploads *uploads;
    Datasets *sets;
    OpenSets *open_sets;
    Evaluations *evaluations;
    Models *models;
    Predictor *predictor;
    PictureDecoders *decoders;  // of pictures to predict
    double predict_seconds;     // that a request to predict may wait
    Log *log;                   // may be NULL
    const char *datasets;       // folder with a folder per set, or NULL
    const char *data;           // folder of everything that must last
    bool launches;              // jobs with several ranks
    bool imports;               // folders of its own machine
    const cJSON *limits;        // of the configuration, by their names
    const char *version;        // of the daemon
    JobThreads job_threads;
    int workers, usable_cores;
    double heartbeat_seconds;  // of a silent stream of events
    int64_t started_at;        // milliseconds since 1970
    double started_clock;      // the same moment by a clock that nobody sets
    int max_streams;
    atomic_int onnx_files;    // made for readers who do not have them yet
    atomic_llong read_bytes;  // of memory that reading the files of models takes now
    HttpCounts *counts;       // of the server that calls the handlers
};

/* api_jobs.c, api_job_create.c, api_job_actions.c */
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

/* api_uploads.c */
bool list_uploads(App *app, const Request *req, Response *res, Error *err);
bool create_upload(App *app, const Request *req, Response *res, Error *err);
bool get_upload(App *app, const Request *req, Response *res, Error *err);
bool patch_upload(App *app, const Request *req, Response *res, Error *err);
bool post_upload(App *app, const Request *req, Response *res, Error *err);
bool delete_upload(App *app, const Request *req, Response *res, Error *err);

/* What all answers under a path bear. */
void add_path_headers(const App *app, const char *method, const char *path, Response *res);

/* api_datasets.c, api_dataset.c, api_dataset_create.c, api_dataset_content.c, api_imports.c */
bool list_imports(App *app, const Request *req, Response *res, Error *err);
bool list_datasets(App *app, const Request *req, Response *res, Error *err);
bool create_dataset(App *app, const Request *req, Response *res, Error *err);
bool get_dataset(App *app, const Request *req, Response *res, Error *err);
bool get_dataset_report(App *app, const Request *req, Response *res, Error *err);
bool put_dataset_content(App *app, const Request *req, Response *res, Error *err);
bool cancel_dataset(App *app, const Request *req, Response *res, Error *err);
bool patch_dataset(App *app, const Request *req, Response *res, Error *err);
bool delete_dataset(App *app, const Request *req, Response *res, Error *err);

/* api_pictures.c */
bool list_pictures(App *app, const Request *req, Response *res, Error *err);
bool get_picture(App *app, const Request *req, Response *res, Error *err);
bool get_picture_content(App *app, const Request *req, Response *res, Error *err);
bool preview_picture(App *app, const Request *req, Response *res, Error *err);

/* api_predict.c */
bool predict_pictures(App *app, const Request *req, Response *res, Error *err);

/* api_v2.c */
bool get_v2(App *app, const Request *req, Response *res, Error *err);
bool get_v2_live(App *app, const Request *req, Response *res, Error *err);
bool get_v2_ready(App *app, const Request *req, Response *res, Error *err);
bool get_v2_model(App *app, const Request *req, Response *res, Error *err);
bool get_v2_model_ready(App *app, const Request *req, Response *res, Error *err);
bool infer_v2(App *app, const Request *req, Response *res, Error *err);
/* A problem of a path of this protocol gets the member that the protocol asks for. */
void v2_say_error(const char *path, Response *res);
/* api_models.c, api_model_versions.c */
bool list_models(App *app, const Request *req, Response *res, Error *err);
bool create_model(App *app, const Request *req, Response *res, Error *err);
bool get_model(App *app, const Request *req, Response *res, Error *err);
bool patch_model(App *app, const Request *req, Response *res, Error *err);
bool delete_model(App *app, const Request *req, Response *res, Error *err);
bool list_model_versions(App *app, const Request *req, Response *res, Error *err);
bool send_model_version(App *app, const Request *req, Response *res, Error *err);
bool get_model_version(App *app, const Request *req, Response *res, Error *err);
bool delete_model_version(App *app, const Request *req, Response *res, Error *err);
bool get_model_content(App *app, const Request *req, Response *res, Error *err);
bool get_model_onnx(App *app, const Request *req, Response *res, Error *err);
bool get_model_card(App *app, const Request *req, Response *res, Error *err);

/* api_evaluations.c, api_evaluation_create.c */
bool list_evaluations(App *app, const Request *req, Response *res, Error *err);
bool create_evaluation(App *app, const Request *req, Response *res, Error *err);
bool get_evaluation(App *app, const Request *req, Response *res, Error *err);
bool get_confusion(App *app, const Request *req, Response *res, Error *err);
bool list_mistakes(App *app, const Request *req, Response *res, Error *err);
bool cancel_evaluation(App *app, const Request *req, Response *res, Error *err);
bool patch_evaluation(App *app, const Request *req, Response *res, Error *err);
bool delete_evaluation(App *app, const Request *req, Response *res, Error *err);

/* api_networks.c, api_settings.c */
bool list_networks(App *app, const Request *req, Response *res, Error *err);
bool get_network(App *app, const Request *req, Response *res, Error *err);
bool list_settings(App *app, const Request *req, Response *res, Error *err);

/* api_system.c */
bool get_system(App *app, const Request *req, Response *res, Error *err);

/* api_health.c, api_metrics.c */
bool get_livez(App *app, const Request *req, Response *res, Error *err);
bool get_readyz(App *app, const Request *req, Response *res, Error *err);
bool get_metrics(App *app, const Request *req, Response *res, Error *err);
bool get_openapi(App *app, const Request *req, Response *res, Error *err);
