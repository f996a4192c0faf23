/* List the fields of a job: enough to draw a form. */
#include "server/api/api_common.h"
#include "server/api/jobs/json_job.h"

bool list_settings(App *app, const Request *req, Response *res, Error *err)
{
    (void)app, (void)err;
    if (request_has_faults(req, res))
        return true;
    cJSON *rows = spec_fields_to_json();
    const cJSON *last = cJSON_GetArrayItem(rows, cJSON_GetArraySize(rows) - 1);
    cJSON *last_id = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(last, "path"), false);
    return respond_json(res, 200, list_to_json(rows, false, last_id));
}
