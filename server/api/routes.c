/* No row for the path is 404, a row for the path but not the method is 405 with Allow. The last
 * column says which threads run the handler: everything that may touch a disk is READS or WRITES.
 */
#include "server/api/routes.h"

#include "core/base/memory.h"
#include "server/api/api.h"

// clang-format off
static const Route ROUTES[] = {
    {"GET",    "/livez",                                             get_livez,              BODY_NONE,     OPEN,  INLINE},
    {"GET",    "/readyz",                                            get_readyz,             BODY_NONE,     OPEN,  READS},
    {"GET",    "/openapi.json",                                      get_openapi,            BODY_NONE,     OPEN,  INLINE},
    {"GET",    "/metrics",                                           get_metrics,            BODY_NONE,     TOKEN, INLINE},

    {"GET",    "/v1/jobs",                                           list_jobs,              BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/jobs",                                           create_job,             BODY_JSON,     TOKEN, WRITES},
    {"GET",    "/v1/jobs/:job",                                      get_job,                BODY_NONE,     TOKEN, READS},
    {"PATCH",  "/v1/jobs/:job",                                      patch_job,              BODY_JSON,     TOKEN, WRITES},
    {"DELETE", "/v1/jobs/:job",                                      delete_job,             BODY_NONE,     TOKEN, WRITES},
    {"POST",   "/v1/jobs/:job/stop",                                 stop_job,               BODY_OPTIONAL, TOKEN, WRITES},
    {"POST",   "/v1/jobs/:job/resume",                               resume_job,             BODY_OPTIONAL, TOKEN, WRITES},
    {"POST",   "/v1/jobs/:job/checkpoint",                           checkpoint_job,         BODY_OPTIONAL, TOKEN, WRITES},
    {"POST",   "/v1/jobs/:job/clone",                                clone_job,              BODY_OPTIONAL, TOKEN, WRITES},

    {"GET",    "/v1/jobs/:job/epochs",                               get_epochs,             BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/jobs/:job/curve",                                get_curve,              BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/jobs/:job/events",                               get_job_events,         BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/events",                                         get_events,             BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/jobs/:job/checkpoints",                          list_checkpoints,       BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/jobs/:job/checkpoints/:checkpoint",              get_checkpoint,         BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/jobs/:job/checkpoints/:checkpoint/content",      get_checkpoint_content, BODY_NONE,     TOKEN, READS},

    {"GET",    "/v1/networks",                                       list_networks,          BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/networks/:name",                                 get_network,            BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/settings",                                       list_settings,          BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/system",                                         get_system,             BODY_NONE,     TOKEN, READS},

    {"GET",    "/v1/imports",                                        list_imports,           BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/uploads",                                        list_uploads,           BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/uploads",                                        create_upload,          BODY_STREAM,   TOKEN, SINKS},
    {"GET",    "/v1/uploads/:upload",                                get_upload,             BODY_NONE,     TOKEN, READS},
    {"PATCH",  "/v1/uploads/:upload",                                patch_upload,           BODY_STREAM,   TOKEN, SINKS},
    {"POST",   "/v1/uploads/:upload",                                post_upload,            BODY_STREAM,   TOKEN, SINKS},
    {"DELETE", "/v1/uploads/:upload",                                delete_upload,          BODY_NONE,     TOKEN, SINKS},

    {"GET",    "/v1/datasets",                                       list_datasets,          BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/datasets",                                       create_dataset,         BODY_JSON,     TOKEN, WRITES},
    {"GET",    "/v1/datasets/:dataset",                              get_dataset,            BODY_NONE,     TOKEN, READS},
    {"PATCH",  "/v1/datasets/:dataset",                              patch_dataset,          BODY_JSON,     TOKEN, WRITES},
    {"DELETE", "/v1/datasets/:dataset",                              delete_dataset,         BODY_NONE,     TOKEN, WRITES},
    {"PUT",    "/v1/datasets/:dataset/content",                      put_dataset_content,    BODY_STREAM,   TOKEN, SINKS},
    {"GET",    "/v1/datasets/:dataset/report",                       get_dataset_report,     BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/datasets/:dataset/pictures",                     list_pictures,          BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/datasets/:dataset/pictures/:picture",            get_picture,            BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/datasets/:dataset/pictures/:picture/content",    get_picture_content,    BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/datasets/:dataset/pictures/:picture/preview",    preview_picture,        BODY_JSON,     LOOK,  READS},
    {"POST",   "/v1/datasets/:dataset/cancel",                       cancel_dataset,         BODY_OPTIONAL, TOKEN, WRITES},

    {"GET",    "/v1/models",                                         list_models,            BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/models",                                         create_model,           BODY_JSON,     TOKEN, WRITES},
    {"GET",    "/v1/models/:model",                                  get_model,              BODY_NONE,     TOKEN, READS},
    {"PATCH",  "/v1/models/:model",                                  patch_model,            BODY_JSON,     TOKEN, WRITES},
    {"DELETE", "/v1/models/:model",                                  delete_model,           BODY_NONE,     TOKEN, WRITES},
    {"GET",    "/v1/models/:model/versions",                         list_model_versions,    BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/models/:model/versions",                         send_model_version,     BODY_STREAM,   TOKEN, SINKS},
    {"PUT",    "/v1/models/:model/versions",                         send_model_version,     BODY_STREAM,   TOKEN, SINKS},
    {"GET",    "/v1/models/:model/versions/:version",                get_model_version,      BODY_NONE,     TOKEN, READS},
    {"DELETE", "/v1/models/:model/versions/:version",                delete_model_version,   BODY_NONE,     TOKEN, WRITES},
    {"GET",    "/v1/models/:model/versions/:version/content",        get_model_content,      BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/models/:model/versions/:version/onnx",           get_model_onnx,         BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/models/:model/versions/:version/card",           get_model_card,         BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/models/:model/predict",                          predict_pictures,       BODY_BYTES,    LOOK,  PREDICTS},

    {"GET",    "/v1/evaluations",                                    list_evaluations,       BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/evaluations",                                    create_evaluation,      BODY_JSON,     TOKEN, WRITES},
    {"GET",    "/v1/evaluations/:evaluation",                        get_evaluation,         BODY_NONE,     TOKEN, READS},
    {"PATCH",  "/v1/evaluations/:evaluation",                        patch_evaluation,       BODY_JSON,     TOKEN, WRITES},
    {"DELETE", "/v1/evaluations/:evaluation",                        delete_evaluation,      BODY_NONE,     TOKEN, WRITES},
    {"GET",    "/v1/evaluations/:evaluation/confusion",              get_confusion,          BODY_NONE,     TOKEN, READS},
    {"GET",    "/v1/evaluations/:evaluation/mistakes",               list_mistakes,          BODY_NONE,     TOKEN, READS},
    {"POST",   "/v1/evaluations/:evaluation/cancel",                 cancel_evaluation,      BODY_OPTIONAL, TOKEN, WRITES},

    {"GET",    "/v2",                                                get_v2,                 BODY_NONE,     TOKEN, INLINE},
    {"GET",    "/v2/",                                               get_v2,                 BODY_NONE,     TOKEN, INLINE},
    {"GET",    "/v2/health/live",                                    get_v2_live,            BODY_NONE,     OPEN,  INLINE},
    {"GET",    "/v2/health/ready",                                   get_v2_ready,           BODY_NONE,     OPEN,  INLINE},
    {"GET",    "/v2/models/:model",                                  get_v2_model,           BODY_NONE,     TOKEN, READS},
    {"GET",    "/v2/models/:model/versions/:version",                get_v2_model,           BODY_NONE,     TOKEN, READS},
    {"GET",    "/v2/models/:model/ready",                            get_v2_model_ready,     BODY_NONE,     TOKEN, READS},
    {"GET",    "/v2/models/:model/versions/:version/ready",          get_v2_model_ready,     BODY_NONE,     TOKEN, READS},
    {"POST",   "/v2/models/:model/infer",                            infer_v2,               BODY_BYTES,    LOOK,  PREDICTS},
    {"POST",   "/v2/models/:model/versions/:version/infer",          infer_v2,               BODY_BYTES,    LOOK,  PREDICTS},
};
// clang-format on

const Route *routes_table(size_t *count)
{
    *count = COUNT(ROUTES);
    return ROUTES;
}
