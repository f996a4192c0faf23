#include "server/store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/files/path.h"

const char *const JOB_STATUS_NAMES[] = {
    [JOB_QUEUED] = "queued",   [JOB_RUNNING] = "running", [JOB_STOPPING] = "stopping",
    [JOB_STOPPED] = "stopped", [JOB_FAILED] = "failed",   [JOB_SUCCEEDED] = "succeeded",
    [JOB_STATUSES] = NULL,
};

const char *const DATASET_STATUS_NAMES[] = {
    [DATASET_WAITING] = "waiting", [DATASET_IMPORTING] = "importing", [DATASET_READY] = "ready",
    [DATASET_FAILED] = "failed",   [DATASET_STATUSES] = NULL,
};

const char *const EVALUATION_STATUS_NAMES[] = {
    [EVALUATION_QUEUED] = "queued",       [EVALUATION_RUNNING] = "running",
    [EVALUATION_SUCCEEDED] = "succeeded", [EVALUATION_FAILED] = "failed",
    [EVALUATION_STATUSES] = NULL,
};

bool row_whole(const char *damage, Error *err)
{
    return !damage || fail_as(err, ERR_DAMAGED, "row_damaged", "%s", damage);
}

bool row_is_damaged(const Error *err)
{
    return err->reason && strcmp(err->reason, "row_damaged") == 0;
}

bool job_status_active(JobStatus status)
{
    return status == JOB_QUEUED || status == JOB_RUNNING || status == JOB_STOPPING;
}

void job_info_free(JobInfo *job)
{
    free(job->settings);
    free(job->metadata);
    free(job->damage);
    job->settings = job->metadata = NULL;
    job->damage = NULL;
}

void job_list_free(JobList *list)
{
    for (size_t i = 0; i < list->count; i++)
        job_info_free(&list->items[i]);
    free(list->items);
    *list = (JobList){0};
}

void event_list_free(EventList *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].data);
    free(list->items);
    *list = (EventList){0};
}

void epoch_list_free(EpochList *list)
{
    free(list->items);
    *list = (EpochList){0};
}

void point_list_free(PointList *list)
{
    free(list->items);
    *list = (PointList){0};
}

void checkpoint_list_free(CheckpointList *list)
{
    free(list->items);
    *list = (CheckpointList){0};
}

void removal_list_free(RemovalList *list)
{
    free(list->items);
    *list = (RemovalList){0};
}

void life_list_free(LifeList *list)
{
    free(list->items);
    *list = (LifeList){0};
}

void dataset_row_free(DatasetRow *set)
{
    free(set->classes);
    free(set->warnings);
    free(set->metadata);
    free(set->damage);
    set->classes = set->warnings = set->metadata = NULL;
    set->damage = NULL;
}

void dataset_list_free(DatasetList *list)
{
    for (size_t i = 0; i < list->count; i++)
        dataset_row_free(&list->items[i]);
    free(list->items);
    *list = (DatasetList){0};
}

void id_list_free(IdList *list)
{
    free(list->items);
    *list = (IdList){0};
}

void version_row_free(VersionRow *version)
{
    free(version->class_names);
    free(version->image);
    free(version->metrics);
    free(version->settings);
    free(version->environment);
    free(version->evaluation);
    version->class_names = version->image = version->metrics = NULL;
    free(version->damage);
    version->settings = version->environment = version->evaluation = NULL;
    version->damage = NULL;
}

void version_list_free(VersionList *list)
{
    for (size_t i = 0; i < list->count; i++)
        version_row_free(&list->items[i]);
    free(list->items);
    *list = (VersionList){0};
}

void model_row_free(ModelRow *model)
{
    free(model->metadata);
    free(model->damage);
    model->metadata = NULL;
    model->damage = NULL;
}

void model_list_free(ModelList *list)
{
    for (size_t i = 0; i < list->count; i++)
        model_row_free(&list->items[i]);
    free(list->items);
    *list = (ModelList){0};
}

void alias_list_free(AliasList *list)
{
    free(list->items);
    *list = (AliasList){0};
}

void model_removal_list_free(ModelRemovalList *list)
{
    free(list->items);
    *list = (ModelRemovalList){0};
}

static bool is_plain(const char *text, size_t size)
{
    const size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_.");
    return n > 0 && text[n] == '\0' && n < size;
}

bool model_name_valid(const char *name)
{
    return is_plain(name, MODEL_NAME) && !path_is_dots(name);
}

bool model_alias_valid(const char *alias)
{
    return is_plain(alias, MODEL_ALIAS) && alias[strspn(alias, "0123456789")] != '\0';
}

void evaluation_row_free(EvaluationRow *evaluation)
{
    free(evaluation->figures);
    free(evaluation->class_names);
    free(evaluation->metadata);
    free(evaluation->damage);
    evaluation->figures = evaluation->class_names = evaluation->metadata = NULL;
    evaluation->damage = NULL;
}

void evaluation_list_free(EvaluationList *list)
{
    for (size_t i = 0; i < list->count; i++)
        evaluation_row_free(&list->items[i]);
    free(list->items);
    *list = (EvaluationList){0};
}

void cell_list_free(CellList *list)
{
    free(list->items);
    *list = (CellList){0};
}

void mistake_list_free(MistakeList *list)
{
    free(list->items);
    *list = (MistakeList){0};
}
