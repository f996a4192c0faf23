/* Evaluations: list, look at, confusion matrix, mistakes, rename, cancel, delete. */
#include <stdlib.h>
#include <string.h>

#include "core/base/nfc.h"
#include "server/api/api_common.h"
#include "server/api/labels.h"
#include "server/api/models/confusion_csv.h"
#include "server/api/models/json_evaluation.h"
#include "server/base/ids.h"
#include "server/models/evaluations/evaluations.h"

enum {
    LIST_DEFAULT = 20,
    LIST_MOST = 1000,
};

/* The evaluation that the path names. */
static bool request_id(const Request *req, int64_t *id, Error *err)
{
    return evaluation_id_parse(req->params[0], id)
           || fail_as(err, ERR_NOT_FOUND, "evaluation_not_found", "there is no evaluation %s",
                      req->params[0]);
}

static bool request_evaluation(App *app, const Request *req, EvaluationRow *row, Error *err)
{
    int64_t id;
    return request_id(req, &id, err) && evaluations_get(app->evaluations, id, row, err);
}

static bool respond_evaluation(Response *res, EvaluationRow *row)
{
    cJSON *json = evaluation_row_to_json(row, true);
    evaluation_row_free(row);
    return respond_json(res, 200, json);
}

/* ---- The list ---- */

/* "shirts", "shirts@3" or "shirts@production", which is the version that it points at now: the
 * model's name, and its version or 0. */
static const char *read_model(App *app, Query *query, char name[MODEL_NAME], int64_t *version,
                              Faults *faults, Error *err)
{
    const char *text = query_text(query, "model", faults);
    ModelVersion found;
    if (!text)
        return NULL;
    const size_t n = strcspn(text, "@");
    snprintf(name, MODEL_NAME, "%.*s", (int)(n < MODEL_NAME ? n : MODEL_NAME - 1), text);
    if (n > 0 && n < MODEL_NAME && (!text[n] || model_version_parse(text + n + 1, version)))
        return name;
    if (models_resolve(app->models, text, &found, err)) {
        *version = found.row.version;
        model_version_free(&found);
    } else if (err->code == ERR_NOT_FOUND) {
        faults_add(faults, "?model", "must be a model's name, name@version or name@alias: %s",
                   err->message);
        *err = (Error){0};
    }
    return name;
}

/* The model that has the name now: another may have had it before, whose evaluations are not its
 * own. */
static bool find_model(App *app, EvaluationQuery *wanted, Error *err)
{
    ModelDetail model;
    if (!wanted->model)
        return true;
    if (models_get(app->models, wanted->model, &model, err)) {
        wanted->model_id = model.row.id;
        model_detail_free(&model);
    } else if (err->code == ERR_NOT_FOUND) {
        *err = (Error){0};
    }
    return err->code == ERR_NONE;
}

/* A set is meant by the name that it has now. An evaluation remembers the name that its set had,
 * which finds those of sets that are gone. */
static bool find_set(App *app, EvaluationQuery *wanted, Error *err)
{
    if (!wanted->dataset || dataset_find(wanted->dataset))
        return true;
    if (!find_set_id(app, wanted->dataset, &wanted->dataset_id, err))
        return false;
    if (wanted->dataset_id > 0)
        wanted->dataset = NULL;
    return true;
}

bool list_evaluations(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    EvaluationList list;
    Query *query = req->query;
    char model[MODEL_NAME];
    int64_t version = 0;
    EvaluationQuery wanted = {
        .after = query_id(query, "after", "an evaluation's", evaluation_id_parse, &faults),
        .limit = (int)query_integer(query, "limit", LIST_DEFAULT, 1, LIST_MOST, &faults),
        .statuses = query_statuses(query, EVALUATION_STATUS_NAMES, EVALUATION_STATUSES, &faults),
        .job_id = query_id(query, "job", "a job's", job_id_parse, &faults),
        .dataset = query_text(query, "dataset", &faults),
        .model = read_model(app, query, model, &version, &faults, err),
    };
    wanted.version = version;
    query_finish(query, &faults);
    if (err->code != ERR_NONE)
        return false;
    if (faults.count)
        return respond_faults(res, &faults);
    if (!find_model(app, &wanted, err) || !find_set(app, &wanted, err)
        || !evaluations_list(app->evaluations, &wanted, &list, err))
        return false;
    cJSON *data = cJSON_CreateArray(), *last = NULL;
    for (size_t i = 0; i < list.count; i++)
        if (row_is_listed(app, list.items[i].damage))
            cJSON_AddItemToArray(data, evaluation_row_to_json(&list.items[i], false));
    if (list.count > 0) {
        char id[ID_TEXT];
        evaluation_id_format(list.items[list.count - 1].id, id);
        last = cJSON_CreateString(id);
    }
    const bool more = list.has_more;
    evaluation_list_free(&list);
    return respond_json(res, 200, list_to_json(data, more, last));
}

bool get_evaluation(App *app, const Request *req, Response *res, Error *err)
{
    EvaluationRow row;
    if (request_has_faults(req, res))
        return true;
    return request_evaluation(app, req, &row, err) && respond_evaluation(res, &row);
}

/* ---- What it has found ---- */

/* One that has succeeded, with the names of its classes; false with *err. */
static bool request_found(App *app, const Request *req, EvaluationRow *row, cJSON **names,
                          Error *err)
{
    if (!request_evaluation(app, req, row, err))
        return false;
    *names = row->class_names ? cJSON_Parse(row->class_names) : NULL;
    if (*names)
        return true;
    fail_as(err, ERR_CONFLICT, "evaluation_not_ready", "%s has found nothing yet: it is %s",
            req->params[0], EVALUATION_STATUS_NAMES[row->status]);
    evaluation_row_free(row);
    return false;
}

bool get_confusion(App *app, const Request *req, Response *res, Error *err)
{
    EvaluationRow row;
    CellList cells;
    cJSON *names;
    bool csv;
    if (request_has_faults(req, res) || !request_accepts(req, "text/csv", &csv, res))
        return true;
    if (!request_found(app, req, &row, &names, err))
        return false;
    const bool ok = evaluations_cells(app->evaluations, row.id, &cells, err);
    if (ok && csv) {
        response_header(res, "Content-Disposition", "attachment; filename=\"%s-confusion.csv\"",
                        req->params[0]);
        respond_stream(res, "text/csv; charset=utf-8", confusion_csv(names, cells));
        names = NULL;
    } else if (ok) {
        char *text = confusion_json(&row, &cells);
        respond_text(res, "application/json", text, strlen(text));
        cell_list_free(&cells);
    }
    cJSON_Delete(names);
    evaluation_row_free(&row);
    return ok;
}

/* The label of a class by its name; -1: absent. */
static int read_class(Query *query, const char *name, const cJSON *names, Faults *faults)
{
    const char *text = query_text(query, name, faults);
    char pointer[16];
    const cJSON *class;
    int label = 0;
    cJSON_ArrayForEach(class, names)
    {
        if (text && nfc_equal(class->valuestring, text))
            return label;
        label++;
    }
    snprintf(pointer, sizeof pointer, "?%s", name);
    if (text)
        faults_add(faults, pointer, "must be the name of a class, there is no %.100s", text);
    return -1;
}

/* The number that the first picture of the split has in its data set; -1: it is gone, or *err says
 * why that is not known. */
static int64_t first_picture(App *app, const EvaluationRow *row, Error *err)
{
    const DatasetInfo *known = dataset_find(row->dataset.key);
    DatasetRow set;
    if (strcmp(row->split, "train") == 0)
        return 0;
    if (known)
        return known->train_count;
    if (!datasets_get(app->sets, row->dataset.id, &set, err)) {
        if (err->code == ERR_NOT_FOUND)
            *err = (Error){0};
        return -1;
    }
    dataset_row_free(&set);
    return set.train_count;
}

static bool respond_mistakes(App *app, const EvaluationRow *row, const MistakeQuery *query,
                             const cJSON *names, Response *res, Error *err)
{
    MistakeList list;
    const int64_t first = first_picture(app, row, err);
    if (err->code != ERR_NONE || !evaluations_mistakes(app->evaluations, query, &list, err))
        return false;
    cJSON *data = cJSON_CreateArray();
    for (size_t i = 0; i < list.count; i++)
        cJSON_AddItemToArray(data, mistake_to_json(&list.items[i], names, first));
    cJSON *last =
        list.count > 0 ? cJSON_CreateNumber((double)list.items[list.count - 1].rank) : NULL;
    const bool more = list.has_more;
    mistake_list_free(&list);
    return respond_json(res, 200, list_to_json(data, more, last));
}

bool list_mistakes(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    EvaluationRow row;
    cJSON *names;
    if (!request_found(app, req, &row, &names, err))
        return false;
    const MistakeQuery query = {
        .evaluation_id = row.id,
        .after = query_integer(req->query, "after", 0, 0, INT64_MAX, &faults),
        .limit = (int)query_integer(req->query, "limit", LIST_DEFAULT, 1, LIST_MOST, &faults),
        .truth = read_class(req->query, "class", names, &faults),
        .guess = read_class(req->query, "predicted", names, &faults),
    };
    query_finish(req->query, &faults);
    const bool ok = faults.count ? respond_faults(res, &faults)
                                 : respond_mistakes(app, &row, &query, names, res, err);
    cJSON_Delete(names);
    evaluation_row_free(&row);
    return ok;
}

/* ---- Change, cancel, delete ---- */

/* A request that changes or ends an evaluation. */
typedef struct {
    App *app;
    const Request *req;
    const cJSON *patch;
    Faults *faults;  // of the patch
} ChangeRequest;

/* Whether its If-Match and If-None-Match hold. */
static bool allow_change(void *context, int64_t id, Error *err)
{
    const ChangeRequest *change = context;
    EvaluationRow row;
    if (!request_is_conditional(change->req))
        return true;
    if (!evaluations_get(change->app->evaluations, id, &row, err))
        return false;
    cJSON *shown = evaluation_row_to_json(&row, true);
    evaluation_row_free(&row);
    return request_conditions_hold(change->req, shown, "evaluation", err);
}

static bool apply_patch(void *context, EvaluationRow *row, Error *err)
{
    const ChangeRequest *change = context;
    if (!allow_change(context, row->id, err))
        return false;
    cJSON *after = labels_patched(row->name, row->metadata, change->patch, change->faults);
    const bool ok = labels_read(after, row->name, sizeof row->name, &row->metadata, change->faults);
    cJSON_Delete(after);
    return ok || fail(err, ERR_INVALID, "the patch has faults");
}

bool patch_evaluation(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    EvaluationRow row;
    int64_t id;
    query_finish(req->query, &faults);
    if (!request_id(req, &id, err))
        return false;
    cJSON *patch = labels_patch(req->json, &faults);
    ChangeRequest change = {app, req, patch, &faults};
    const bool ok = evaluations_edit(app->evaluations, id, apply_patch, &change, err);
    cJSON_Delete(patch);
    if (!ok && (faults.count == 0 || err->code == ERR_NOT_FOUND))
        return false;
    if (faults.count)
        return respond_faults(res, &faults);
    return evaluations_get(app->evaluations, id, &row, err) && respond_evaluation(res, &row);
}

bool cancel_evaluation(App *app, const Request *req, Response *res, Error *err)
{
    EvaluationRow row;
    int64_t id;
    if (request_has_input(req, res))
        return true;
    ChangeRequest change = {.app = app, .req = req};
    const EvaluationGuard guard = {allow_change, &change};
    return request_id(req, &id, err) && evaluations_cancel(app->evaluations, id, &guard, &row, err)
           && respond_evaluation(res, &row);
}

bool delete_evaluation(App *app, const Request *req, Response *res, Error *err)
{
    int64_t id;
    if (request_has_faults(req, res))
        return true;
    ChangeRequest change = {.app = app, .req = req};
    const EvaluationGuard guard = {allow_change, &change};
    return request_id(req, &id, err) && evaluations_delete(app->evaluations, id, &guard, err)
           && respond_empty(res, 204);
}
