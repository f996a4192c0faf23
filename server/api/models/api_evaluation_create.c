/* Ask for an evaluation of a job's checkpoint or of a model's version. */
#include <stdio.h>
#include <string.h>

#include "server/api/api_common.h"
#include "server/api/models/evaluation_fit.h"
#include "server/api/models/json_evaluation.h"
#include "server/base/ids.h"
#include "server/data/dataset_folder.h"
#include "server/models/evaluations/evaluations.h"

/* What a request names, as far as it was found. */
typedef struct {
    App *app;
    const EvaluationRequest *request;
    Faults *faults;
    EvaluationRow *row;
    char dataset[DATASET_NAME];  // that the job or the model was trained on; "": not known
    PictureKind network;         // what is known of its pictures
} Search;

/* Whether *err is that something is not there, which is empty then: it may be a fault of the
 * request, as what keeps the store from telling is not. */
static bool not_there(Error *err)
{
    if (err->code != ERR_NOT_FOUND)
        return false;
    *err = (Error){0};
    return true;
}

/* Its step is settled now: a newer best one changes nothing of what was asked for. */
static void find_checkpoint(Search *s, Error *err)
{
    const char *which = s->request->checkpoint ? s->request->checkpoint : "best";
    CheckpointRow found;
    Path unused;
    if (jobs_checkpoint_find(s->app->jobs, s->row->source.job_id, which, &found, &unused, err))
        s->row->source.step = found.step;
    else if (not_there(err))
        faults_add(s->faults, "/checkpoint", "must be a checkpoint of %s, it has no %.40s",
                   s->request->job, which);
}

/* The kind of its pictures is known if the set it was trained on is still there. */
static void find_job(Search *s, Error *err)
{
    JobInfo job;
    int64_t *id = &s->row->source.job_id;
    const bool is_id = job_id_parse(s->request->job, id);
    if (!is_id || !jobs_get(s->app->jobs, *id, &job, err)) {
        if (!is_id || not_there(err))
            faults_add(s->faults, "/job", "must be a job's id, there is no %.40s", s->request->job);
        return;
    }
    dataset_public_id(job.dataset.id, job.dataset.name, s->dataset, sizeof s->dataset);
    job_info_free(&job);
    if (picture_kind_of_set(s->app, s->dataset, &s->network, err) || not_there(err))
        find_checkpoint(s, err);
}

/* Its version is settled now: an alias that moves changes nothing of what was asked for. */
static void find_model(Search *s, Error *err)
{
    ModelVersion version;
    const char *name = s->request->model;
    EvaluationRow *row = s->row;
    if (!models_resolve(s->app->models, name, &version, err)) {
        if (err->code == ERR_NOT_FOUND)
            faults_add(s->faults, "/model", "must be a model: %s", err->message);
        not_there(err);
        return;
    }
    row->source.model_id = version.row.model_id;
    row->source.version = version.row.version;
    snprintf(row->source.model, sizeof row->source.model, "%s", version.name);
    dataset_public_id(version.row.dataset.id, version.row.dataset.name, s->dataset,
                      sizeof s->dataset);
    picture_kind_free(&s->network);  // of a job, if the request names both
    s->network = picture_kind_of_version(&version);
    model_version_free(&version);
    if (!s->dataset[0] && !s->request->dataset)
        faults_add(s->faults, "/dataset", "is missing: it is not known what %s was trained on",
                   name);
}

static void take_known(Search *s, const DatasetInfo *known)
{
    Error missing = {0};
    if (!dataset_available(s->app->datasets, known, &missing))
        faults_add(s->faults, "/dataset", "is not there: %s", missing.message);
    snprintf(s->row->dataset.key, sizeof s->row->dataset.key, "%s", known->name);
    snprintf(s->row->dataset.name, sizeof s->row->dataset.name, "%s", known->name);
}

static void find_dataset(Search *s, const char *name, Error *err)
{
    const DatasetInfo *known = dataset_find(name);
    const SpecSets *sets = datasets_for_specs(s->app->sets);
    EvaluationRow *row = s->row;
    SpecSet set;
    if (known) {
        take_known(s, known);
    } else if (sets->find(sets->context, name, &set, err)) {
        row->dataset.id = set.id;
        dataset_id_format(set.id, row->dataset.key);
        memcpy(row->dataset.name, set.name, sizeof row->dataset.name);
        memcpy(row->dataset.digest, set.digest, sizeof row->dataset.digest);
    } else if (not_there(err)) {
        faults_add(s->faults, "/dataset", "must be a data set, there is no %.100s", name);
    } else if (err->code == ERR_CONFLICT) {
        faults_add(s->faults, "/dataset", "%s", err->message);
        *err = (Error){0};
    }
}

static void find_all(Search *s, Error *err)
{
    const EvaluationRequest *request = s->request;
    if (request->job)
        find_job(s, err);
    if (request->model && err->code == ERR_NONE)
        find_model(s, err);
    if ((request->dataset || s->dataset[0]) && err->code == ERR_NONE)
        find_dataset(s, request->dataset ? request->dataset : s->dataset, err);
}

/* False: *err says why or, where that is empty, the answer names the faults. */
static bool resolve(App *app, const EvaluationRequest *request, EvaluationRow *row, Faults *faults,
                    Response *res, Error *err)
{
    Search search = {.app = app, .request = request, .faults = faults, .row = row};
    PictureKind set = {0};
    find_all(&search, err);
    snprintf(row->split, sizeof row->split, "%s", request->split);
    row->example_limit = request->limit;
    row->test_time_flips = request->test_time_flips;
    const bool found = faults->count == 0 && err->code == ERR_NONE;
    const bool asks = found && search.network.channels > 0;
    if (asks && picture_kind_of_set(app, row->dataset.key, &set, err))
        picture_kind_compare(&search.network, &set, row->split, faults);
    else if (asks)
        not_there(err);
    picture_kind_free(&search.network);
    picture_kind_free(&set);
    if (err->code != ERR_NONE)
        return false;
    if (faults->count == 0)
        return true;
    if (found)
        request_reject_pair(res, faults);
    else
        request_reject_faults(res, faults);
    return false;
}

/* 202 and the evaluation, which is freed. */
static bool respond_queued(Response *res, EvaluationRow *row, bool replayed)
{
    char id[ID_TEXT];
    evaluation_id_format(row->id, id);
    response_header(res, "Location", "/v1/evaluations/%s", id);
    respond_replayed(res, replayed);
    cJSON *json = evaluation_row_to_json(row, true);
    evaluation_row_free(row);
    return respond_json(res, 202, json);
}

static bool create(App *app, const Request *req, RequestKey key, Faults *faults, Response *res,
                   Error *err)
{
    EvaluationRequest request;
    EvaluationRow row = {0};
    bool replayed;
    if (!evaluations_replay(app->evaluations, key, &row, &replayed, err))
        return false;
    if (!replayed) {
        evaluation_from_json(req->json, &request, faults);
        if (!resolve(app, &request, &row, faults, res, err))
            return err->code == ERR_NONE;
        if (!evaluations_create(app->evaluations, key, &row, &replayed, err))
            return false;
    }
    return respond_queued(res, &row, replayed);
}

bool create_evaluation(App *app, const Request *req, Response *res, Error *err)
{
    return create_by_key(app, req, create, res, err);
}
