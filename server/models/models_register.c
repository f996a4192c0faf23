/* server/models/models_register.c -- a checkpoint of a job becomes the next version of a model; how
 * any file does.
 *
 * The file is made under a name of its own first, outside of any lock, and becomes the version's
 * within the transaction that adds the row: a death in between leaves a file that the store does
 * not know, never a row without a file. */
#include "server/models/models_register.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/train/files/checkpoint.h"
#include "server/base/json/json_text.h"
#include "server/base/time.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/stock.h"
#include "server/models/evaluations/evaluation_summary.h"
#include "server/models/model_files.h"
#include "server/models/models_private.h"
#include "server/store/store_evaluations.h"
#include "server/store/store_models.h"

/* ---- The row and its file, at once ---- */

bool models_admit(Models *models, Error *err)
{
    int64_t count = 0;
    if (!jobs_admits(models->jobs, err) || !store_version_count(models->store, &count, err)
        || !stock_is_there(models->store, models->data, STOCK_MODELS, err))
        return false;
    return count < models->max_versions
           || fail_as(
               err, ERR_CONFLICT, "store_full",
               "limits.models allows %d stored versions of models and no more: delete some first",
               models->max_versions);
}

/* What came of the key before: *row is filled and *found true. ERR_CONFLICT: another request. */
static bool replay(Models *models, RequestKey key, VersionRow *row, bool *found, Error *err)
{
    int64_t id;
    const bool ok = store_find_key(models->store, KEY_OF_VERSION, key, &id, err);
    *found = id > 0;
    return ok && (id == 0 || store_load_version_row(models->store, id, row, err));
}

static bool make_sure_of_model(ModelTx *tx, Error *err)
{
    if (tx->row.id > 0)
        return true;
    tx->row.metadata = xstrdup("{}");
    tx->row.created_at = time_now_ms();
    return store_add_model(tx->models->store, &tx->row, err)
           && model_tx_tell(tx, "created", 0, err);
}

/* What the newest evaluation of that checkpoint has found is true of the version: it is the same
 * file. One that ends later puts it there itself (evaluations_run.c). */
static bool take_evaluation(Store *store, VersionRow *row, Error *err)
{
    EvaluationList list;
    EvaluationRow whole;
    const EvaluationQuery query = {.limit = 1,
                                   .statuses = 1u << EVALUATION_SUCCEEDED,
                                   .job_id = row->source.job_id,
                                   .step = row->source.step,
                                   .for_cards = true};
    if (row->source.job_id == 0)
        return true;
    if (!store_evaluations(store, &query, &list, err))
        return false;
    const int64_t id = list.count > 0 ? list.items[0].id : 0;
    evaluation_list_free(&list);
    if (id == 0)
        return true;
    if (!store_evaluation(store, id, &whole, err))
        return false;
    free(row->evaluation);
    row->evaluation = evaluation_summary(&whole);
    evaluation_row_free(&whole);
    return true;
}

/* The row of the next version, and what tells of it. */
static bool add_row(ModelTx *tx, ModelPlacing *placing, Error *err)
{
    Store *store = tx->models->store;
    VersionRow *row = placing->row;
    if (!make_sure_of_model(tx, err))
        return false;
    row->model_id = tx->row.id;
    row->version = ++tx->row.last_version;
    row->created_at = time_now_ms();
    return take_evaluation(store, row, err) && store_add_version(store, row, err)
           && store_add_key(store, KEY_OF_VERSION, placing->key, row->id, err)
           && model_tx_tell(tx, "version_added", row->version, err);
}

bool models_place(Models *models, ModelPlacing *placing, ModelVersion *version, bool *replayed,
                  Error *err)
{
    ModelTx tx;
    VersionRow before;
    VersionRow *row = placing->row;
    if (!model_tx_begin(models, placing->name, &tx, err))
        return false;
    if (!replay(models, placing->key, &before, replayed, err))
        return model_tx_drop(&tx, err);
    if (*replayed) {
        model_tx_drop(&tx, NULL);
        return model_version_make(models, placing->name, &before, version, err);
    }
    if (!add_row(&tx, placing, err)
        || !model_file_place(models->data, placing->incoming, row->model_id, row->version, err))
        return model_tx_drop(&tx, err);
    if (!model_tx_commit(&tx, err)) {
        model_files_remove_version(models->data, row->model_id, row->version, NULL);
        return false;
    }
    return model_version_make(models, placing->name, row, version, err);
}

/* ---- What a row says ---- */

static char *json_or_null(cJSON *json)  // takes it
{
    char *text = json ? json_take_text(json) : NULL;
    return text ? text : xstrdup("null");
}

void model_row_describe(VersionRow *row, const ModelInfo *info)
{
    char image[IMAGE_SPEC_TEXT] = "null", normalization[NORMALIZATION_TEXT];
    snprintf(row->network, sizeof row->network, "%s", info->network);
    row->channels = info->channels;
    row->image_size = info->image_size;
    row->classes = info->classes;
    normalization_to_text(&info->normalization, normalization);
    snprintf(row->normalization, sizeof row->normalization, "%s", normalization);
    if (info->picture.size > 0)
        image_spec_to_text(&info->picture, image);
    row->image = xstrdup(image);
    row->class_names = json_or_null(
        info->class_names ? cJSON_CreateStringArray(info->class_names, info->classes) : NULL);
    if (!row->dataset.name[0] && info->dataset)
        snprintf(row->dataset.name, sizeof row->dataset.name, "%s", info->dataset);
    if (!row->dataset.digest[0] && info->dataset_digest)
        snprintf(row->dataset.digest, sizeof row->dataset.digest, "%s", info->dataset_digest);
}

/* The figures of the epoch that ended with the step; where none did, the step alone. */
static bool metrics_of(Models *models, int64_t job, int64_t step, char **text, Error *err)
{
    EpochList list;
    EpochMetrics none = {.step = step};
    const EpochMetrics *found = NULL;
    if (!jobs_epochs(models->jobs, (SeriesPage){.job_id = job}, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].step == step)
            found = &list.items[i];
    cJSON *json = cJSON_CreateObject();
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++) {
        const EpochMetric *field = &EPOCH_METRICS[i];
        const double value = epoch_metric_get(found ? found : &none, field);
        const bool known = isfinite(value) && (found || strcmp(field->name, "step") == 0);
        cJSON_AddItemToObject(json, field->name, known ? json_number(value) : cJSON_CreateNull());
    }
    epoch_list_free(&list);
    *text = json_or_null(json);
    return true;
}

static char *environment_of(const JobInfo *job)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "cpu", job->environment.cpu);
    cJSON_AddStringToObject(json, "cpu_isa", job->environment.cpu_isa);
    cJSON_AddNumberToObject(json, "threads", job->environment.threads);
    cJSON_AddStringToObject(json, "onednn", job->environment.onednn);
    cJSON_AddStringToObject(json, "version", job->environment.version);
    return json_or_null(json);
}

static bool describe_job(Models *models, const JobInfo *job, const CheckpointRow *checkpoint,
                         VersionRow *row, Error *err)
{
    snprintf(row->source.kind, sizeof row->source.kind, "job");
    row->source.job_id = job->id;
    row->source.step = checkpoint->step;
    row->bytes = checkpoint->bytes;
    memcpy(row->sha256, checkpoint->sha256, sizeof row->sha256);
    row->dataset.id = job->dataset.id;
    memcpy(row->dataset.name, job->dataset.name, sizeof row->dataset.name);
    memcpy(row->dataset.digest, job->dataset.digest, sizeof row->dataset.digest);
    row->settings = xstrdup(job->settings);
    row->environment = environment_of(job);
    row->evaluation = xstrdup("null");
    return metrics_of(models, job->id, checkpoint->step, &row->metrics, err);
}

/* ---- Files ---- */

/* What the file of a checkpoint is; all of it is checked. Files of older programs do not say all of
 * it: the job's settings do. */
static bool describe_file(const char *path, const JobInfo *job, VersionRow *row, Error *err)
{
    ModelFile m;
    cJSON *settings = cJSON_Parse(job->settings);
    const cJSON *network = cJSON_GetObjectItemCaseSensitive(settings, "network");
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(settings, "image_size");
    const ModelHints hints = {.network = cJSON_IsString(network) ? network->valuestring : NULL};
    const bool ok = model_file_open(path, &hints, &m, err);
    if (ok) {
        if (m.assumed_size && cJSON_IsNumber(size))
            m.info.image_size = size->valueint;
        model_row_describe(row, &m.info);
        model_file_close(&m);
    }
    cJSON_Delete(settings);
    return ok;
}

/* The checkpoint's file under a name of its own. While the job runs, a newer one may take its place
 * meanwhile. */
static bool link_checkpoint(Models *models, int64_t job, const char *which, const Path *incoming,
                            CheckpointRow *checkpoint, Error *err)
{
    enum { TRIES = 3 };
    for (int i = 0; i < TRIES; i++) {
        int fd;
        *err = (Error){0};
        if (!jobs_checkpoint_open(models->jobs, job, which, checkpoint, &fd, err))
            continue;
        close(fd);
        const Path path = job_model_path(models->data, job, checkpoint->step);
        if (file_link(path.text, incoming->text, err))
            return true;
        if (err->code != ERR_NOT_FOUND)
            return false;
    }
    return false;
}

/* The same, and that it is what the job's row says. */
static bool bring(Models *models, const JobInfo *job, const char *which, const Path *incoming,
                  VersionRow *row, Error *err)
{
    CheckpointRow checkpoint;
    int64_t bytes;
    char sha256[65];
    if (!link_checkpoint(models, job->id, which, incoming, &checkpoint, err))
        return false;
    if (!file_digest(incoming->text, &bytes, sha256, err))
        return false;
    if (bytes != checkpoint.bytes || strcmp(sha256, checkpoint.sha256) != 0)
        return fail(err, ERR_DAMAGED, "the file of checkpoint step_%lld of job_%lld is damaged",
                    (long long)checkpoint.step, (long long)job->id);
    return describe_job(models, job, &checkpoint, row, err)
           && describe_file(incoming->text, job, row, err);
}

/* ---- From a job ---- */

bool models_replay(Models *models, RequestKey key, ModelVersion *version, bool *replayed,
                   Error *err)
{
    VersionRow row = {0};
    ModelRow model = {0};
    *replayed = false;
    if (!key.text)
        return true;
    if (!store_begin(models->store, err))
        return false;
    bool ok = replay(models, key, &row, replayed, err)
              && (!*replayed || store_load_model(models->store, row.model_id, &model, err));
    store_rollback(models->store);
    if (ok && *replayed)
        ok = model_version_make(models, model.name, &row, version, err);
    version_row_free(&row);
    model_row_free(&model);
    return ok;
}

bool models_register(Models *models, const ModelRequest *request, ModelVersion *version,
                     bool *replayed, Error *err)
{
    bool again = false;
    JobInfo job;
    Path incoming;
    VersionRow row = {0};
    if (!models_replay(models, request->key, version, &again, err))
        return false;
    if (replayed)
        *replayed = again;
    if (again)
        return true;
    if (!models_admit(models, err) || !model_incoming_path(models->data, &incoming, err)
        || !jobs_get(models->jobs, request->job_id, &job, err))
        return false;
    ModelPlacing placing = {request->name, incoming.text, request->key, &row};
    const bool ok = bring(models, &job, request->checkpoint, &incoming, &row, err)
                    && models_place(models, &placing, version, &again, err);
    unlink(incoming.text);  // where it has not become the version's
    version_row_free(&row);
    job_info_free(&job);
    if (replayed)
        *replayed = again;
    return ok;
}

bool models_register_job(Models *models, int64_t job_id, const char *name, ModelVersion *version,
                         Error *err)
{
    // No client's key has a control character.
    char key[64];
    snprintf(key, sizeof key, "\x01job_%lld", (long long)job_id);
    ModelRequest request = {name, job_id, "best", {key, name}};
    if (models_register(models, &request, version, NULL, err))
        return true;
    if (err->code != ERR_NOT_FOUND)
        return false;
    *err = (Error){0};
    request.checkpoint = "latest";
    return models_register(models, &request, version, NULL, err);
}
