#include "server/cli/remote/evaluate_remote.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/cli/remote/daemon_client.h"
#include "server/cli/run/interrupt.h"

enum { POLL_MS = 200 };

static const cJSON *member(const cJSON *json, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json, name);
}

static const char *text_of(const cJSON *json, const char *name)
{
    const char *text = json_text_at(json, name);
    return text ? text : "";
}

static double number_of(const cJSON *json, const char *name)
{
    return json_number_at(json, name, NAN);
}

/* ---- Whether it is a daemon's ---- */

/* Numbers, or null for what is not a number, as json_add_real writes them. */
static bool has_numbers(const cJSON *object, const char *const *names)
{
    for (; *names; names++) {
        const cJSON *item = member(object, *names);
        if (!cJSON_IsNumber(item) && !cJSON_IsNull(item))
            return false;
    }
    return true;
}

static const char *const MEANS[] = {"precision", "recall", "f1", NULL};

static bool has_classes(const cJSON *classes)
{
    static const char *const COUNTS[] = {"support", "guessed", NULL};
    const cJSON *class;
    cJSON_ArrayForEach(class, classes)
    {
        if (!json_text_at(class, "name") || !has_numbers(class, COUNTS)
            || !has_numbers(class, MEANS))
            return false;
    }
    return cJSON_IsArray(classes);
}

/* The class whose number is there; NULL: none is. */
static const cJSON *class_at(const cJSON *classes, const cJSON *pair, const char *name)
{
    const double number = number_of(pair, name);
    return number >= 0 && number < cJSON_GetArraySize(classes)
               ? cJSON_GetArrayItem(classes, (int)number)
               : NULL;
}

static bool has_confused(const cJSON *pairs, const cJSON *classes)
{
    static const char *const COUNT_OF[] = {"count", NULL};
    const cJSON *pair;
    cJSON_ArrayForEach(pair, pairs)
    {
        if (!class_at(classes, pair, "truth") || !class_at(classes, pair, "guess")
            || !has_numbers(pair, COUNT_OF))
            return false;
    }
    return cJSON_IsArray(pairs);
}

/* All that evaluation_text_print reads is there. */
static bool has_figures(const cJSON *evaluation)
{
    static const char *const WHOLE[] = {"examples", "accuracy", "top5_accuracy", "loss", NULL};
    static const char *const CALIBRATION[] = {"expected_error", "temperature", NULL};
    const cJSON *figures = member(evaluation, "figures"), *classes = member(figures, "classes");
    return has_numbers(figures, WHOLE) && has_numbers(member(figures, "calibration"), CALIBRATION)
           && has_numbers(member(figures, "macro"), MEANS)
           && has_numbers(member(figures, "weighted"), MEANS) && has_classes(classes)
           && has_confused(member(figures, "confused"), classes);
}

static bool has_id(const cJSON *evaluation)
{
    int64_t id;
    return evaluation_id_parse(text_of(evaluation, "id"), &id);
}

/* ---- Asking ---- */

static bool create(Remote *remote, const EvaluateRequest *request, cJSON **json, Error *err)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "model", request->model);
    cJSON_AddStringToObject(body, "dataset", request->dataset);
    cJSON_AddStringToObject(body, "split", request->train ? "train" : "test");
    if (request->limit > 0)
        cJSON_AddNumberToObject(body, "limit", request->limit);
    if (request->test_time_flips)
        cJSON_AddTrueToObject(body, "test_time_flips");
    char *text = cJSON_PrintUnformatted(body);
    const bool ok = remote_call(remote, "POST", "/v1/evaluations", text, json, err);
    cJSON_free(text);
    cJSON_Delete(body);
    return ok && (has_id(*json) || daemon_answer_strange(err));
}

static bool cancel(Remote *remote, const char *path, Error *err)
{
    char *target = xasprintf("%s/cancel", path);
    remote_call(remote, "POST", target, NULL, NULL, NULL);
    free(target);
    return fail(err, ERR_STOPPED, "the evaluation was cancelled");
}

static bool waits(const cJSON *json)
{
    const char *status = text_of(json, "status");
    return strcmp(status, "queued") == 0 || strcmp(status, "running") == 0;
}

static bool await(Remote *remote, const char *path, cJSON **json, Error *err)
{
    while (waits(*json)) {
        poll(NULL, 0, POLL_MS);
        if (interrupt_signal())
            return cancel(remote, path, err);
        cJSON_Delete(*json);
        *json = NULL;
        if (!remote_call(remote, "GET", path, NULL, json, err))
            return false;
    }
    const char *status = text_of(*json, "status");
    const char *message = text_of(member(*json, "error"), "message");
    if (strcmp(status, "succeeded") == 0 && has_figures(*json))
        return true;
    if (strcmp(status, "failed") != 0)
        return daemon_answer_strange(err);
    return fail(err, ERR_INVALID, "the evaluation is failed%s%s", *message ? ": " : "", message);
}

/* ---- What it has found ---- */

/* A page of mistakes, moved to the end of `worst`; *after: where the next begins, 0: nowhere. */
static bool add_page(Remote *remote, const char *path, int limit, double *after, cJSON *worst,
                     Error *err)
{
    cJSON *page = NULL, *item;
    char *target = xasprintf("%s/mistakes?limit=%d&after=%.0f", path, limit, *after);
    const bool ok = remote_call(remote, "GET", target, NULL, &page, err);
    cJSON *data = cJSON_GetObjectItemCaseSensitive(page, "data");
    free(target);
    if (ok && !cJSON_IsArray(data)) {
        cJSON_Delete(page);
        return daemon_answer_strange(err);
    }
    while ((item = cJSON_DetachItemFromArray(data, 0)) != NULL)
        cJSON_AddItemToArray(worst, item);
    *after = cJSON_IsTrue(member(page, "has_more")) ? number_of(page, "last_id") : 0;
    cJSON_Delete(page);
    return ok;
}

/* Pages until there are enough, or no more: also where a page has none. */
static bool add_worst(Remote *remote, const char *path, int count, cJSON *json, Error *err)
{
    enum { PAGE = 1000 };
    cJSON *worst = cJSON_AddArrayToObject(json, "worst");
    double after = 0;
    bool goes_on = count > 0;
    while (goes_on) {
        const int had = cJSON_GetArraySize(worst), left = count - had;
        if (!add_page(remote, path, left < PAGE ? left : PAGE, &after, worst, err))
            return false;
        const int has = cJSON_GetArraySize(worst);
        goes_on = has > had && has < count && after > 0;
    }
    return true;
}

static bool save_csv(Remote *remote, const char *path, const char *file, Error *err)
{
    if (!file)
        return true;
    char *target = xasprintf("%s/confusion", path);
    const bool ok = remote_save(remote, target, "text/csv", file, NULL, err);
    free(target);
    return ok;
}

bool evaluate_remote(Remote *remote, const EvaluateRequest *request, cJSON **evaluation, Error *err)
{
    cJSON *json = NULL;
    *evaluation = NULL;
    if (!remote_reference(request->model, err) || !create(remote, request, &json, err)) {
        cJSON_Delete(json);
        return false;
    }
    char *path = xasprintf("/v1/evaluations/%s", text_of(json, "id"));
    const bool found =
        await(remote, path, &json, err) && add_worst(remote, path, request->worst, json, err);
    const bool ok = found && save_csv(remote, path, request->csv, err);
    free(path);
    if (found)
        *evaluation = json;
    else
        cJSON_Delete(json);
    return ok;
}
