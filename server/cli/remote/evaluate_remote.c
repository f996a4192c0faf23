#include "server/cli/remote/evaluate_remote.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/json/json_fields.h"
#include "server/cli/run/interrupt.h"
#include "server/models/evaluations/evaluation_report.h"

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
    return ok;
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
    return strcmp(status, "succeeded") == 0
           || fail(err, ERR_INVALID, "the evaluation is %s%s%s", status, *message ? ": " : "",
                   message);
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
    if (!remote_reference(request->model, err) || !create(remote, request, &json, err))
        return false;
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

/* ---- Text ---- */

/* Names come from elsewhere; an Error makes them printable. */
static Error printable(const char *text)
{
    Error clean = {0};
    fail(&clean, ERR_INVALID, "%s", text);
    return clean;
}

static void print_line(const char *name, const char *support, const cJSON *figures)
{
    printf("%s%*s %9s %9.3f %9.3f %9.3f\n", name, utf8_padding(name, EVALUATION_NAME_COLUMN), "",
           support, number_of(figures, "precision"), number_of(figures, "recall"),
           number_of(figures, "f1"));
}

static void print_classes(const cJSON *figures)
{
    const cJSON *class;
    printf("\n%-*s %9s %9s %9s %9s\n", EVALUATION_NAME_COLUMN, "class", "examples", "precision",
           "recall", "f1");
    cJSON_ArrayForEach(class, member(figures, "classes"))
    {
        char support[24];
        snprintf(support, sizeof support, "%.0f", number_of(class, "support"));
        print_line(printable(text_of(class, "name")).message, support, class);
    }
    print_line("mean", "", member(figures, "macro"));
    print_line("weighted mean", "", member(figures, "weighted"));
}

static void print_confused(const cJSON *figures)
{
    const cJSON *classes = member(figures, "classes"), *pair, *pairs = member(figures, "confused");
    if (cJSON_GetArraySize(pairs) > 0)
        printf("\nmost confused\n");
    cJSON_ArrayForEach(pair, pairs)
    {
        const cJSON *truth = cJSON_GetArrayItem(classes, (int)number_of(pair, "truth"));
        const cJSON *guess = cJSON_GetArrayItem(classes, (int)number_of(pair, "guess"));
        printf("%9.0f  %s taken for %s\n", number_of(pair, "count"),
               printable(text_of(truth, "name")).message,
               printable(text_of(guess, "name")).message);
    }
}

void evaluate_remote_print(const cJSON *evaluation)
{
    const cJSON *figures = member(evaluation, "figures");
    const cJSON *calibration = member(figures, "calibration");
    const double temperature = number_of(calibration, "temperature");
    printf("%.0f examples%s: accuracy %.4f, top-5 %.4f, loss %.4f\n",
           number_of(figures, "examples"),
           evaluation_flips_text(cJSON_IsTrue(member(evaluation, "test_time_flips"))),
           number_of(figures, "accuracy"), number_of(figures, "top5_accuracy"),
           number_of(figures, "loss"));
    printf("expected calibration error %.4f", number_of(calibration, "expected_error"));
    if (temperature > 0)
        printf("; at temperature %.3f, fitted on %.0f held-out examples, %.4f", temperature,
               number_of(calibration, "temperature_examples"),
               number_of(calibration, "expected_error_at_temperature"));
    putchar('\n');
    print_classes(figures);
    print_confused(figures);
}
