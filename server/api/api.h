/* server/api/api.h -- the handlers of server/api/routes.c, by resource. What a handler answers is
 * said in server/api/system/openapi.json. */
#pragma once
#include "server/api/app.h"

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

/* api_pictures.c, api_picture_png.c */
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
