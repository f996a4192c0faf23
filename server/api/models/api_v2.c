/* The Open Inference Protocol, version 2, over JSON: /v2/...
 *
 * A model takes one tensor, "image", of N x channels x side x side: FP32 of 0 to 1, or UINT8 of 0
 * to 255, and gives "probabilities" and "logits", FP32 of N x classes. Normalisation is the model's
 * affair. A version is a number or an alias.
 *
 * Source   github.com/kserve/open-inference-protocol, specification/protocol/
 *          open_inference_rest.yaml: names of fields. An error, whatever it comes from, has the
 *          member "error" that it asks for beside those of a problem.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/models/api_predict.h"
#include "server/api/models/v2_tensors.h"
#include "server/http/message/headers.h"

static const char INPUT[] = "image", PROBABILITIES[] = "probabilities", LOGITS[] = "logits";

/* ---- The server ---- */

/* {"live":true} */
static bool respond_true(Response *res, const char *member)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddTrueToObject(json, member);
    respond_json(res, 200, json);
    res->tagged = false;
    return true;
}

bool get_v2(App *app, const Request *req, Response *res, Error *err)
{
    (void)err;
    if (request_has_faults(req, res))
        return true;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", "googlenetd");
    cJSON_AddStringToObject(json, "version", app->version);
    cJSON_AddArrayToObject(json, "extensions");
    return respond_json(res, 200, json);
}

bool get_v2_live(App *app, const Request *req, Response *res, Error *err)
{
    (void)app, (void)err;
    return request_has_faults(req, res) || respond_true(res, "live");
}

bool get_v2_ready(App *app, const Request *req, Response *res, Error *err)
{
    (void)app, (void)err;
    return request_has_faults(req, res) || respond_true(res, "ready");
}

/* ---- A model ---- */

/* "shirts", or "shirts@3" where the path names a version; from malloc. */
static char *reference_of(const Request *req)
{
    return req->params[1][0] ? xasprintf("%s@%s", req->params[0], req->params[1])
                             : xstrdup(req->params[0]);
}

static bool resolve(App *app, const Request *req, ModelVersion *version, Error *err)
{
    char *reference = reference_of(req);
    const bool ok = models_resolve(app->models, reference, version, err);
    free(reference);
    return ok;
}

static void add_tensor(cJSON *list, const char *name, const int *shape, int dims)
{
    cJSON *tensor = cJSON_CreateObject();
    cJSON_AddStringToObject(tensor, "name", name);
    cJSON_AddStringToObject(tensor, "datatype", "FP32");
    cJSON_AddItemToObject(tensor, "shape", cJSON_CreateIntArray(shape, dims));
    cJSON_AddItemToArray(list, tensor);
}

/* All that may be asked for by number, the oldest first. False: the model is gone. */
static bool add_versions(App *app, const char *name, cJSON *json, Error *err)
{
    ModelDetail model;
    char number[24];
    if (!models_get(app->models, name, &model, err))
        return false;
    cJSON *list = cJSON_AddArrayToObject(json, "versions");
    for (size_t i = model.versions.count; i-- > 0;) {
        if (model.versions.items[i].missing)
            continue;
        snprintf(number, sizeof number, "%lld", (long long)model.versions.items[i].version);
        cJSON_AddItemToArray(list, cJSON_CreateString(number));
    }
    model_detail_free(&model);
    return true;
}

static cJSON *model_meta(App *app, const ModelVersion *v, Error *err)
{
    const int image[] = {-1, v->row.channels, v->row.image_size, v->row.image_size};
    const int classes[] = {-1, v->row.classes};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", v->name);
    if (!add_versions(app, v->name, json, err)) {
        cJSON_Delete(json);
        return NULL;
    }
    cJSON_AddStringToObject(json, "platform", "googlenetd");
    add_tensor(cJSON_AddArrayToObject(json, "inputs"), INPUT, image, 4);
    cJSON *outputs = cJSON_AddArrayToObject(json, "outputs");
    add_tensor(outputs, PROBABILITIES, classes, 2);
    add_tensor(outputs, LOGITS, classes, 2);
    return json;
}

bool get_v2_model(App *app, const Request *req, Response *res, Error *err)
{
    ModelVersion v;
    if (request_has_faults(req, res))
        return true;
    if (!resolve(app, req, &v, err))
        return respond_predict_error(res, err);
    cJSON *json = model_meta(app, &v, err);
    model_version_free(&v);
    return json ? respond_json(res, 200, json) : respond_predict_error(res, err);
}

bool get_v2_model_ready(App *app, const Request *req, Response *res, Error *err)
{
    ModelVersion v;
    if (request_has_faults(req, res))
        return true;
    if (!resolve(app, req, &v, err))
        return respond_predict_error(res, err);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", v.name);
    cJSON_AddBoolToObject(json, "ready", true);
    model_version_free(&v);
    return respond_json(res, 200, json);
}

/* ---- Inference ---- */

static cJSON *answer_of(const PredictModel *m, const V2Request *r, const float *logits, Error *err)
{
    const int classes = loaded_model_facts(m->taken.model)->info->classes;
    const int shape[] = {r->count, classes};
    char number[24];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model_name", m->version.name);
    snprintf(number, sizeof number, "%lld", (long long)m->version.row.version);
    cJSON_AddStringToObject(json, "model_version", number);
    if (r->id[0])
        cJSON_AddStringToObject(json, "id", r->id);
    cJSON *outputs = cJSON_AddArrayToObject(json, "outputs");
    bool ok = true;
    for (int i = 0; ok && i < r->output_count; i++) {
        const bool softmax = r->outputs[i] == V2_PROBABILITIES;
        add_tensor(outputs, softmax ? PROBABILITIES : LOGITS, shape, 2);
        ok = v2_add_data(cJSON_GetArrayItem(outputs, i), logits, r->count, classes, softmax, err);
    }
    if (ok)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static bool infer(App *app, const PredictModel *m, const V2Request *r, Response *res, Error *err)
{
    const LoadedModelFacts *facts = loaded_model_facts(m->taken.model);
    float *logits = xcalloc((size_t)r->count * (size_t)facts->info->classes, sizeof *logits);
    for (int i = 0; i < r->count; i++) {
        float *image = r->images + (size_t)i * facts->image_count;
        loaded_model_normalize(m->taken.model, image, image);
    }
    cJSON *json = predictor_run(app->predictor, &m->taken, r->images, r->count,
                                app->predict_seconds, logits, err)
                      ? answer_of(m, r, logits, err)
                      : NULL;
    free(logits);
    if (!json)
        return false;
    respond_json(res, 200, json);
    res->tagged = false;
    return true;
}

static bool read_request(const PredictModel *m, const Request *req, V2Request *r, Faults *faults,
                         Error *err)
{
    const ModelInfo *info = loaded_model_facts(m->taken.model)->info;
    const char *type = request_header(req, "Content-Type");
    const V2Shape shape = {info->channels, info->image_size};
    if (type && !content_type_is(type, "application/json"))
        return fail_as(err, ERR_INVALID, "unsupported_media_type",
                       "the body must be application/json, not %.100s", type);
    return v2_request_read(req->body, req->body_size, &shape, r, faults, err);
}

bool infer_v2(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    PredictModel m;
    V2Request r = {.count = 0};
    if (request_has_faults(req, res))
        return true;
    char *reference = reference_of(req);
    bool ok = predict_model_take(app, reference, &m, err);
    free(reference);
    if (!ok)
        return respond_predict_error(res, err);
    ok = read_request(&m, req, &r, &faults, err);
    if (faults.count) {
        respond_faults(res, &faults);
    } else if (!ok || !infer(app, &m, &r, res, err)) {
        respond_predict_error(res, err);
    }
    v2_request_free(&r);
    predict_model_release(app, &m);
    return true;
}
