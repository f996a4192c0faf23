/* List the fields of a job: enough to draw a form. */
#include "server/api/api_common.h"

bool list_settings(App *app, const Request *req, Response *res, Error *err)
{
    (void)app, (void)err;
    return respond_whole_list(req, spec_fields_to_json(), "path", res);
}
