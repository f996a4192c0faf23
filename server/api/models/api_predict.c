/* POST /v1/models/{reference}/predict: pictures to classes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/data/decode/prepare.h"
#include "core/data/encode_png.h"
#include "server/api/api_common.h"
#include "server/api/models/api_predict.h"
#include "server/api/models/predict_body.h"
#include "server/base/text/base64.h"
#include "server/models/predictor/ranking.h"

enum {
    TOP_DEFAULT = 5,
    TOP_MOST = 1000,
    IMAGE_NUMBERS = 64 << 20,  // of all images of a request: 256 MB
};

/* ---- Status of what went wrong ---- */

bool respond_predict_error(Response *res, const Error *err)
{
    static const struct {
        const char *reason;
        int status;
    } STATUS_OF[] = {{"picture_too_large", 413},
                     {"picture_unknown", 415},
                     {"picture_format", 415},
                     {"decoder_died", 422},
                     {"decoder_timeout", 422},
                     {"picture_empty", 422},
                     {"picture_animated", 422},
                     {"picture_truncated", 422},
                     {"picture_damaged", 422},
                     {"not_explainable", 422},
                     {"no_number", 422},
                     {"too_large_for_memory", 503},
                     {"busy", 503}};
    for (size_t i = 0; err->reason && i < COUNT(STATUS_OF); i++) {
        if (strcmp(err->reason, STATUS_OF[i].reason) != 0)
            continue;
        if (strcmp(err->reason, "busy") == 0)
            response_header(res, "Retry-After", "1");
        return respond_problem(res, STATUS_OF[i].status, err->reason, "%s", err->message);
    }
    return respond_error(res, err);
}

/* ---- The model ---- */

bool predict_model_take(App *app, const char *reference, PredictModel *m, Error *err)
{
    // One that is deleted after it was found is looked for again: an alias may point elsewhere now.
    for (int attempt = 0;; attempt++) {
        char key[64];
        *m = (PredictModel){0};
        if (!models_resolve(app->models, reference, &m->version, err))
            return false;
        snprintf(key, sizeof key, "%lld/%lld", (long long)m->version.row.model_id,
                 (long long)m->version.row.version);
        const PredictorFile file = {key, m->version.path.text, m->version.image};
        if (predictor_take(app->predictor, &file, &m->taken, err))
            return true;
        const bool again = err->code == ERR_NOT_FOUND && attempt == 0;
        model_version_free(&m->version);
        if (!again)
            return false;
        *err = (Error){0};
    }
}

void predict_model_release(App *app, PredictModel *m)
{
    predictor_release(app->predictor, &m->taken);
    model_version_free(&m->version);
}

/* ---- Pictures to images ---- */

typedef struct {
    App *app;
    const PredictModel *model;
    const LoadedModelFacts *facts;
    const PredictBody *body;
    int top;          // classes to name
    uint8_t *pixels;  // of one picture
    uint8_t *map;     // of the same size, where the network looked; NULL: nobody asks
    float *images, *logits;
    double began;
} Work;

static double seconds_left(const Work *w)
{
    const double left = w->app->predict_seconds - (clock_seconds() - w->began);
    return left > 0.01 ? left : 0.01;
}

static bool make_pixels(const Work *w, const PredictPicture *p, Error *err)
{
    const ImageSpec *spec = &w->facts->picture;
    if (p->channels == 0)
        return picture_decoders_run(w->app->decoders, p->bytes, p->size, spec, seconds_left(w),
                                    w->pixels, err);
    return prepare_pixels(p->owned, p->height, p->width, p->channels, spec, w->pixels, err);
}

static bool make_images(const Work *w, Error *err)
{
    for (int i = 0; i < w->body->count; i++) {
        if (!make_pixels(w, &w->body->items[i], err))
            return w->body->count == 1 ? false : fail_in(err, "picture %d", i);
        loaded_model_image(w->model->taken.model, w->pixels,
                           w->images + (size_t)i * w->facts->image_count);
    }
    return true;
}

static bool make_room(Work *w, Error *err)
{
    const size_t count = (size_t)w->body->count, side = (size_t)w->facts->picture.size;
    if (count * w->facts->image_count > IMAGE_NUMBERS)
        return fail_as(err, ERR_INVALID, "too_large",
                       "%zu images of this network are too many for one request", count);
    w->pixels = xcalloc(side * side, (size_t)w->facts->picture.channels);
    w->images = xcalloc(count * w->facts->image_count, sizeof *w->images);
    w->logits = xcalloc(count * (size_t)w->facts->info->classes, sizeof *w->logits);
    return true;
}

/* ---- The answer ---- */

static bool add_explanation(const Work *w, cJSON *prediction, Error *err)
{
    const int side = w->facts->picture.size;
    const Picture picture = {w->map, (size_t)side, side, side, 1};
    uint8_t *png;
    size_t size;
    if (!png_encode(&picture, &png, &size, err))
        return false;
    const cJSON *best =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(prediction, "classes"), 0);
    char *text = base64_encode(png, size);
    cJSON *json = cJSON_AddObjectToObject(prediction, "explanation");
    cJSON_AddNumberToObject(json, "label",
                            cJSON_GetObjectItemCaseSensitive(best, "label")->valuedouble);
    cJSON_AddStringToObject(json, "method", "class_activation_map");
    cJSON_AddStringToObject(json, "png", text);
    free(text);
    free(png);
    return true;
}

static cJSON *predictions_to_json(const Work *w, Error *err)
{
    const ModelInfo *info = w->facts->info;
    cJSON *list = cJSON_CreateArray();
    RankedClass *ranking = xcalloc((size_t)info->classes, sizeof *ranking);
    bool ok = true;
    for (int i = 0; ok && i < w->body->count; i++) {
        int count = 0;
        ok = ranking_of(w->logits + (size_t)i * (size_t)info->classes, info->classes, w->top,
                        ranking, &count, err);
        if (ok)
            cJSON_AddItemToArray(list, ranking_to_json(info, ranking, count));
    }
    free(ranking);
    if (ok)
        return list;
    cJSON_Delete(list);
    return NULL;
}

static bool answer(const Work *w, Response *res, Error *err)
{
    cJSON *list = predictions_to_json(w, err);
    if (!list)
        return false;
    if (w->map && !add_explanation(w, list->child, err)) {
        cJSON_Delete(list);
        return false;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "prediction");
    cJSON_AddStringToObject(json, "model", w->model->version.name);
    cJSON_AddNumberToObject(json, "version", (double)w->model->version.row.version);
    cJSON_AddItemToObject(json, "predictions", list);
    cJSON_AddNumberToObject(json, "milliseconds", 1e3 * (clock_seconds() - w->began));
    respond_json(res, 200, json);
    res->tagged = false;
    return true;
}

static bool compute(const Work *w, Error *err)
{
    Predictor *p = w->app->predictor;
    const TakenModel *taken = &w->model->taken;
    if (w->map)
        return predictor_explain(p, taken, w->images, seconds_left(w), w->logits, w->map, err);
    return predictor_run(p, taken, w->images, w->body->count, seconds_left(w), w->logits, err);
}

/* What a request asks for besides its pictures. */
typedef struct {
    int top;
    bool explain;
} PredictOptions;

static bool predict(App *app, const PredictModel *m, const PredictBody *body,
                    PredictOptions options, Response *res, Error *err)
{
    Work w = {.app = app,
              .model = m,
              .facts = loaded_model_facts(m->taken.model),
              .body = body,
              .top = options.top,
              .began = clock_seconds()};
    const size_t side = (size_t)w.facts->picture.size;
    if (options.explain && body->count > 1)
        return fail_as(err, ERR_INVALID, "not_explainable",
                       "one picture at a time can be explained, the request has %d", body->count);
    w.map = options.explain ? xcalloc(side, side) : NULL;
    const bool ok =
        make_room(&w, err) && make_images(&w, err) && compute(&w, err) && answer(&w, res, err);
    free(w.map);
    free(w.pixels);
    free(w.images);
    free(w.logits);
    return ok;
}

bool predict_pictures(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    PredictModel m;
    PredictBody body = {.count = 0};
    PredictOptions options = {
        .top = (int)query_integer(req->query, "top_k", TOP_DEFAULT, 1, TOP_MOST, &faults)};
    options.explain = query_flag(req->query, "explain", false, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    if (!predict_model_take(app, req->params[0], &m, err))
        return respond_predict_error(res, err);
    bool ok = predict_body_read(request_header(req, "Content-Type"), req->body, req->body_size,
                                &body, &faults, err);
    if (faults.count)
        ok = respond_faults(res, &faults);
    else
        ok = (ok && predict(app, &m, &body, options, res, err)) || respond_predict_error(res, err);
    predict_body_free(&body);
    predict_model_release(app, &m);
    return ok;
}
