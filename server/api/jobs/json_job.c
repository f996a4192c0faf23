#include "server/api/jobs/json_job.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"

static void add_job_id(cJSON *to, const char *name, int64_t id)
{
    char text[ID_TEXT] = "";
    if (id > 0)
        job_id_format(id, text);
    json_add_text(to, name, text);
}

static void add_evaluation_id(cJSON *to, int64_t id)
{
    char text[ID_TEXT] = "";
    if (id > 0)
        evaluation_id_format(id, text);
    json_add_text(to, "evaluation_id", text);
}

/* Null for a job that is not queued. */
static void add_position(cJSON *to, int64_t position)
{
    cJSON_AddItemToObject(to, "queue_position",
                          position > 0 ? json_number((double)position) : cJSON_CreateNull());
}

static void add_progress(cJSON *to, const JobInfo *job)
{
    cJSON *p = cJSON_AddObjectToObject(to, "progress");
    json_add_count(p, "epoch", job->progress.epoch);
    json_add_real(p, "epoch_position", job->progress.epoch_position);
    json_add_count(p, "step", job->progress.step);
    json_add_count(p, "total_steps", job->progress.total_steps);
    json_add_real(p, "examples_per_second", job->progress.examples_per_second);
    json_add_real(p, "seconds", job->progress.seconds);
}

static void add_latest(cJSON *to, const JobInfo *job)
{
    if (job->latest.step == 0) {
        cJSON_AddNullToObject(to, "latest");
        return;
    }
    cJSON *l = cJSON_AddObjectToObject(to, "latest");
    const bool tested = job->latest.epoch > 0;
    json_add_count(l, "step", job->latest.step);
    json_add_real(l, "loss", job->latest.loss);
    json_add_real(l, "accuracy", job->latest.accuracy);
    json_add_real(l, "learning_rate", job->latest.learning_rate);
    cJSON_AddItemToObject(l, "epoch",
                          tested ? json_number((double)job->latest.epoch) : cJSON_CreateNull());
    cJSON_AddItemToObject(l, "validation_loss",
                          tested ? json_number(job->latest.validation_loss) : cJSON_CreateNull());
    cJSON_AddItemToObject(l, "validation_accuracy",
                          tested ? json_number(job->latest.validation_accuracy)
                                 : cJSON_CreateNull());
    cJSON_AddItemToObject(l, "test_loss",
                          tested ? json_number(job->latest.test_loss) : cJSON_CreateNull());
    cJSON_AddItemToObject(l, "test_accuracy",
                          tested ? json_number(job->latest.test_accuracy) : cJSON_CreateNull());
}

static void add_best(cJSON *to, const JobInfo *job)
{
    if (job->best.epoch == 0) {
        cJSON_AddNullToObject(to, "best");
        return;
    }
    char checkpoint[ID_TEXT] = "";
    if (job->best.checkpoint_step > 0)
        checkpoint_id_format(job->best.checkpoint_step, checkpoint);
    cJSON *b = cJSON_AddObjectToObject(to, "best");
    json_add_count(b, "epoch", job->best.epoch);
    json_add_real(b, "validation_accuracy", job->best.validation_accuracy);
    json_add_real(b, "test_accuracy", job->best.test_accuracy);
    json_add_text(b, "checkpoint", checkpoint);
}

static void add_environment(cJSON *to, const JobInfo *job)
{
    if (!*job->environment.cpu_isa && job->environment.threads == 0) {
        cJSON_AddNullToObject(to, "environment");
        return;
    }
    cJSON *e = cJSON_AddObjectToObject(to, "environment");
    json_add_text(e, "cpu", job->environment.cpu);
    cJSON_AddStringToObject(e, "cpu_isa", job->environment.cpu_isa);
    json_add_count(e, "threads", job->environment.threads);
    cJSON_AddStringToObject(e, "onednn", job->environment.onednn);
    cJSON_AddStringToObject(e, "version", job->environment.version);
}

/* What it trains on, as it was when the job was created: it may be gone. */
static void add_dataset(cJSON *to, const JobInfo *job)
{
    char id[DATASET_NAME];
    dataset_public_id(job->dataset.id, job->dataset.name, id, sizeof id);
    cJSON *set = cJSON_AddObjectToObject(to, "dataset");
    cJSON_AddStringToObject(set, "id", id);
    cJSON_AddStringToObject(set, "name", job->dataset.name);
    json_add_text(set, "digest", job->dataset.digest);
}

cJSON *job_to_json(const JobInfo *job)
{
    cJSON *json = cJSON_CreateObject();
    add_job_id(json, "id", job->id);
    cJSON_AddStringToObject(json, "object", "job");
    cJSON_AddStringToObject(json, "name", job->name);
    cJSON_AddItemToObject(json, "metadata", json_stored_item(job->metadata, job->damage));
    cJSON_AddStringToObject(json, "status", JOB_STATUS_NAMES[job->status]);
    json_add_text(json, "stop_reason", job->stop_reason);
    json_add_time(json, "created_at", job->created_at);
    json_add_time(json, "started_at", job->started_at);
    json_add_time(json, "finished_at", job->finished_at);
    json_add_time(json, "estimated_finish_at", job->estimated_finish_at);
    add_position(json, job->queue_position);
    cJSON_AddItemToObject(json, "settings", json_stored_item(job->settings, job->damage));
    add_dataset(json, job);
    add_progress(json, job);
    add_latest(json, job);
    add_best(json, job);
    add_job_id(json, "parent_id", job->parent_id);
    add_evaluation_id(json, job->evaluation_id);
    json_add_count(json, "restart_count", job->restart_count);
    add_environment(json, job);
    json_add_error(json, job->error.code, job->error.message);
    json_add_text(json, "warning", job->warning[0] ? job->warning : job->notice);
    return json;
}

cJSON *epoch_to_json(const EpochMetrics *epoch)
{
    cJSON *json = cJSON_CreateObject();
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        json_add_real(json, EPOCH_METRICS[i].name, epoch_metric_get(epoch, &EPOCH_METRICS[i]));
    return json;
}

cJSON *checkpoint_to_json(const CheckpointRow *checkpoint)
{
    char id[ID_TEXT];
    checkpoint_id_format(checkpoint->step, id);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "id", id);
    cJSON_AddStringToObject(json, "object", "checkpoint");
    json_add_time(json, "created_at", checkpoint->created_at);
    json_add_count(json, "step", checkpoint->step);
    json_add_count(json, "epoch", checkpoint->epoch);
    json_add_count(json, "bytes", checkpoint->bytes);
    cJSON_AddStringToObject(json, "sha256", checkpoint->sha256);
    json_add_real(json, "validation_accuracy", checkpoint->validation_accuracy);
    json_add_real(json, "test_accuracy", checkpoint->test_accuracy);
    cJSON_AddBoolToObject(json, "best", checkpoint->best);
    cJSON_AddBoolToObject(json, "latest", checkpoint->latest);
    return json;
}

cJSON *event_to_json(const Event *event)
{
    cJSON *json = cJSON_CreateObject();
    json_add_count(json, "id", event->id);
    cJSON_AddStringToObject(json, "object", "event");
    cJSON_AddStringToObject(json, "type", event->type);
    add_job_id(json, "job_id", event->job_id);
    json_add_time(json, "created_at", event->time);
    cJSON_AddItemToObject(json, "data", json_stored_item(event->data, false));
    return json;
}

cJSON *estimate_to_json(const JobEstimate *e)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "memory_bytes", (double)e->memory_bytes);
    if (e->measured_job == 0) {
        cJSON_AddNullToObject(json, "seconds");
        cJSON_AddNullToObject(json, "examples_per_second");
        cJSON_AddNullToObject(json, "measured_job");
        return json;
    }
    char id[ID_TEXT];
    job_id_format(e->measured_job, id);
    json_add_real(json, "seconds", e->seconds);
    json_add_real(json, "examples_per_second", e->examples_per_second);
    cJSON_AddStringToObject(json, "measured_job", id);
    return json;
}
