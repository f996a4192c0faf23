/* List and show checkpoints, and download their model files. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/api/api_common.h"
#include "server/api/file_answer.h"
#include "server/api/jobs/json_job.h"
#include "server/base/ids.h"

bool list_checkpoints(App *app, const Request *req, Response *res, Error *err)
{
    CheckpointList list;
    Faults faults = {.count = 0};
    int64_t id, after = -1;
    if (!request_job(req, &id, err))
        return false;
    ListPage page = query_page(req->query, &faults);
    if (page.after && !checkpoint_id_parse(page.after, &after))
        faults_add(&faults, "?after", "must be a checkpoint's id, got %.40s", page.after);
    // By step: the one that a page ended with may be gone when the next page is asked for.
    page.after = NULL;
    if (!jobs_checkpoints(app->jobs, id, &list, err))
        return false;
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].step > after)
            cJSON_AddItemToArray(all, checkpoint_to_json(&list.items[i]));
    checkpoint_list_free(&list);
    return respond_page(req, all, "id", page, &faults, res);
}

/* Open the file of the checkpoint that the path names. */
static bool open_checkpoint(App *app, const Request *req, CheckpointRow *row, int *fd, Error *err)
{
    const char *which = req->params[1];
    int64_t id, step;
    if (!request_job(req, &id, err))
        return false;
    if (strcmp(which, "latest") != 0 && strcmp(which, "best") != 0
        && !checkpoint_id_parse(which, &step))
        return fail_as(err, ERR_NOT_FOUND, "checkpoint_not_found", "%s has no checkpoint %s",
                       req->params[0], which);
    return jobs_checkpoint_open(app->jobs, id, which, row, fd, err);
}

bool get_checkpoint(App *app, const Request *req, Response *res, Error *err)
{
    CheckpointRow row;
    int fd;
    if (request_has_faults(req, res))
        return true;
    if (!open_checkpoint(app, req, &row, &fd, err))
        return false;
    close(fd);
    return respond_json(res, 200, checkpoint_to_json(&row));
}

bool get_checkpoint_content(App *app, const Request *req, Response *res, Error *err)
{
    CheckpointRow row;
    char id[ID_TEXT], label[ID_TEXT + 16], name[2 * ID_TEXT + 16];
    int fd;
    if (request_has_faults(req, res))
        return true;
    if (!open_checkpoint(app, req, &row, &fd, err))
        return false;
    checkpoint_id_format(row.step, id);
    snprintf(label, sizeof label, "checkpoint %s", id);
    snprintf(name, sizeof name, "%.31s-%s.safetensors", req->params[0], id);
    return respond_file(req, &(FileAnswer){fd, label, name, row.bytes, row.sha256}, res, err);
}
