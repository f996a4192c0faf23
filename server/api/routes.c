/* No row for the path is 404, a row for the path but not the method is 405 with Allow. */
#include "server/api/routes.h"

#include "core/base/memory.h"
#include "server/api/api.h"

// clang-format off
static const Route ROUTES[] = {
    {"GET",    "/livez",                        get_livez,       .open = true},
    {"GET",    "/readyz",                       get_readyz,      .open = true},
    {"GET",    "/openapi.json",                 get_openapi,     .open = true},
    {"GET",    "/metrics",                      get_metrics},

    {"GET",    "/v1/jobs",                      list_jobs},
    {"POST",   "/v1/jobs",                      create_job,      BODY_JSON},
    {"GET",    "/v1/jobs/:job",                 get_job},
    {"PATCH",  "/v1/jobs/:job",                 patch_job,       BODY_JSON},
    {"DELETE", "/v1/jobs/:job",                 delete_job},
    {"POST",   "/v1/jobs/:job/stop",            stop_job,        BODY_OPTIONAL},
    {"POST",   "/v1/jobs/:job/resume",          resume_job,      BODY_OPTIONAL},
    {"POST",   "/v1/jobs/:job/checkpoint",      checkpoint_job,  BODY_OPTIONAL},
    {"POST",   "/v1/jobs/:job/clone",           clone_job,       BODY_OPTIONAL},

    {"GET",    "/v1/jobs/:job/epochs",          get_epochs},
    {"GET",    "/v1/jobs/:job/curve",           get_curve},
    {"GET",    "/v1/jobs/:job/events",          get_job_events},
    {"GET",    "/v1/events",                    get_events},
    {"GET",    "/v1/jobs/:job/checkpoints",     list_checkpoints},
    {"GET",    "/v1/jobs/:job/checkpoints/:checkpoint",         get_checkpoint},
    {"GET",    "/v1/jobs/:job/checkpoints/:checkpoint/content", get_checkpoint_content},

    {"GET",    "/v1/models",                    list_models},
    {"GET",    "/v1/models/:name",              get_model},
    {"GET",    "/v1/datasets",                  list_datasets},
};
// clang-format on

const Route *routes_table(size_t *count)
{
    *count = COUNT(ROUTES);
    return ROUTES;
}
