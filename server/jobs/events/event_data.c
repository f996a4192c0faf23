#include "server/jobs/events/event_data.h"

#include <cJSON.h>

#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"

char *event_created(const JobInfo *job)
{
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "status", JOB_STATUS_NAMES[job->status]);
    return json_take_text(object);
}

char *event_status(const JobInfo *job, JobStatus previous)
{
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "status", JOB_STATUS_NAMES[job->status]);
    json_add_text(object, "previous", JOB_STATUS_NAMES[previous]);
    json_add_text(object, "stop_reason", job->stop_reason);
    json_add_error(object, job->error.code, job->error.message);
    return json_take_text(object);
}

char *event_point(const PointRow *row)
{
    cJSON *object = cJSON_CreateObject();
    json_add_real(object, "step", (double)row->step);
    json_add_real(object, "epoch", row->epoch);
    json_add_real(object, "loss", row->loss);
    json_add_real(object, "accuracy", row->accuracy);
    json_add_real(object, "learning_rate", row->learning_rate);
    json_add_real(object, "seconds", row->seconds);
    return json_take_text(object);
}

char *event_epoch(const EpochMetrics *row)
{
    cJSON *object = cJSON_CreateObject();
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        json_add_real(object, EPOCH_METRICS[i].name, epoch_metric_get(row, &EPOCH_METRICS[i]));
    return json_take_text(object);
}

char *event_checkpoint(const CheckpointRow *row)
{
    char id[ID_TEXT];
    checkpoint_id_format(row->step, id);
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "checkpoint", id);
    json_add_real(object, "step", (double)row->step);
    json_add_real(object, "epoch", (double)row->epoch);
    json_add_real(object, "bytes", (double)row->bytes);
    cJSON_AddBoolToObject(object, "best", row->best);
    return json_take_text(object);
}

char *event_resumed(int64_t step)
{
    cJSON *object = cJSON_CreateObject();
    json_add_real(object, "step", (double)step);
    return json_take_text(object);
}

char *event_initialized(const TransferReport *report)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *taken = cJSON_AddArrayToObject(object, "taken");
    cJSON *fresh = cJSON_AddArrayToObject(object, "new");
    for (int i = 0; i < report->count; i++) {
        const TransferTensor *t = &report->tensors[i];
        if (t->taken) {
            cJSON_AddItemToArray(taken, cJSON_CreateString(t->name));
            continue;
        }
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", t->name);
        cJSON_AddStringToObject(item, "reason", t->why);
        cJSON_AddItemToArray(fresh, item);
    }
    return json_take_text(object);
}

char *event_updated(const JobInfo *job)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", job->name);
    cJSON_AddItemToObject(object, "metadata", json_parse_stored(job->metadata));
    return json_take_text(object);
}

char *event_note(const char *message)
{
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "message", message);
    return json_take_text(object);
}

char *event_evaluation(const EvaluationRow *row, const char *status, const char *previous)
{
    cJSON *object = cJSON_CreateObject();
    char id[ID_TEXT] = "", job[ID_TEXT] = "";
    evaluation_id_format(row->id, id);
    if (row->source.job_id > 0)
        job_id_format(row->source.job_id, job);
    json_add_text(object, "evaluation_id", id);
    cJSON_AddStringToObject(object, "name", row->name);
    cJSON_AddItemToObject(object, "metadata", json_parse_stored(row->metadata));
    json_add_text(object, "job_id", job);
    json_add_text(object, "model", row->source.model);
    json_add_text(object, "status", status);
    json_add_text(object, "previous", previous);
    json_add_progress(object, row->progress.done, row->progress.total);
    json_add_error(object, row->error.code, row->error.message);
    return json_take_text(object);
}

char *event_dataset(const DatasetRow *set, const char *status, const char *previous)
{
    cJSON *object = cJSON_CreateObject();
    char id[ID_TEXT];
    dataset_id_format(set->id, id);
    json_add_text(object, "dataset_id", id);
    json_add_text(object, "name", set->name);
    cJSON_AddItemToObject(object, "metadata", json_parse_stored(set->metadata));
    json_add_text(object, "status", status);
    json_add_text(object, "previous", previous);
    json_add_progress(object, set->progress.done, set->progress.total);
    json_add_error(object, set->error.code, set->error.message);
    return json_take_text(object);
}
