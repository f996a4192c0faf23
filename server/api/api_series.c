/* Epochs and curve: all of them, never thinned, as JSON or CSV. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/json_job.h"
#include "server/base/json_text.h"

/* A number that reads back to the same bits, or nothing for what was not recorded; then a comma or
 * the end of the line (RFC 4180). */
static void write_real(FILE *out, double value, char end)
{
    char text[NUMBER_TEXT] = "";
    if (isfinite(value))
        number_text(value, text);
    fprintf(out, "%s%s", text, end == '\n' ? "\r\n" : ",");
}

static FILE *csv_open(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    if (!out)
        abort();  // only for want of a few bytes
    return out;
}

static bool respond_csv(Response *res, FILE *out, char **text, size_t *size, const char *job,
                        const char *what)
{
    if (fclose(out) != 0)
        return respond_problem(res, 503, NULL, "no memory for the answer");
    response_header(res, "Content-Disposition", "attachment; filename=\"%s-%s.csv\"", job, what);
    return respond_text(res, "text/csv; charset=utf-8", *text, *size);
}

static bool epochs_csv(const EpochList *list, const char *job, Response *res)
{
    char *text = NULL;
    size_t size;
    FILE *out = csv_open(&text, &size);
    fprintf(out, "epoch,step,train_loss,train_accuracy,test_loss,test_accuracy,"
                 "test_top5_accuracy,learning_rate,examples_per_second,duration_seconds\r\n");
    for (size_t i = 0; i < list->count; i++) {
        const EpochRow *e = &list->items[i];
        fprintf(out, "%" PRId64 ",%" PRId64 ",", e->epoch, e->step);
        const double reals[] = {e->train_loss,         e->train_accuracy,     e->test_loss,
                                e->test_accuracy,      e->test_top5_accuracy, e->learning_rate,
                                e->examples_per_second};
        for (size_t k = 0; k < COUNT(reals); k++)
            write_real(out, reals[k], ',');
        write_real(out, e->duration_seconds, '\n');
    }
    return respond_csv(res, out, &text, &size, job, "epochs");
}

static bool epochs_json(const EpochList *list, Response *res)
{
    cJSON *data = cJSON_CreateArray();
    for (size_t i = 0; i < list->count; i++)
        cJSON_AddItemToArray(data, epoch_to_json(&list->items[i]));
    cJSON *last = list->count ? json_number((double)list->items[list->count - 1].epoch) : NULL;
    return respond_json(res, 200, list_to_json(data, list->has_more, last));
}

/* Job, cursor and form of the answer; false once *res has been answered or *err is set. */
static bool read_page(const Request *req, SeriesPage *page, bool *csv, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    *page = (SeriesPage){.limit = 0};
    if (!request_job(req, &page->job_id, err))
        return false;
    page->after = query_integer(req->query, "after", 0, 0, INT64_MAX, &faults);
    page->limit = (int)query_integer(req->query, "limit", 0, 1, INT32_MAX, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return request_reject_faults(res, &faults);
    return request_accepts(req, "text/csv", csv, res);
}

bool get_epochs(App *app, const Request *req, Response *res, Error *err)
{
    SeriesPage page;
    EpochList list;
    bool csv;
    if (!read_page(req, &page, &csv, res, err))
        return res->status != 0;
    if (!jobs_epochs(app->jobs, page, &list, err))
        return false;
    const bool ok = csv ? epochs_csv(&list, req->params[0], res) : epochs_json(&list, res);
    epoch_list_free(&list);
    return ok;
}

static bool curve_csv(const PointList *list, const char *job, Response *res)
{
    char *text = NULL;
    size_t size;
    FILE *out = csv_open(&text, &size);
    fprintf(out, "step,epoch,loss,accuracy,learning_rate,seconds\r\n");
    for (size_t i = 0; i < list->count; i++) {
        const PointRow *p = &list->items[i];
        fprintf(out, "%" PRId64 ",", p->step);
        write_real(out, p->epoch, ',');
        write_real(out, p->loss, ',');
        write_real(out, p->accuracy, ',');
        write_real(out, p->learning_rate, ',');
        write_real(out, p->seconds, '\n');
    }
    return respond_csv(res, out, &text, &size, job, "curve");
}

/* Columns, as a chart takes them. */
static bool curve_json(const PointList *list, Response *res)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *step = cJSON_AddArrayToObject(json, "step");
    cJSON *epoch = cJSON_AddArrayToObject(json, "epoch");
    cJSON *loss = cJSON_AddArrayToObject(json, "loss");
    cJSON *accuracy = cJSON_AddArrayToObject(json, "accuracy");
    cJSON *rate = cJSON_AddArrayToObject(json, "learning_rate");
    cJSON *seconds = cJSON_AddArrayToObject(json, "seconds");
    for (size_t i = 0; i < list->count; i++) {
        const PointRow *p = &list->items[i];
        cJSON_AddItemToArray(step, cJSON_CreateNumber((double)p->step));
        cJSON_AddItemToArray(epoch, json_number(p->epoch));
        cJSON_AddItemToArray(loss, json_number(p->loss));
        cJSON_AddItemToArray(accuracy, json_number(p->accuracy));
        cJSON_AddItemToArray(rate, json_number(p->learning_rate));
        cJSON_AddItemToArray(seconds, json_number(p->seconds));
    }
    return respond_json(res, 200, json);
}

bool get_curve(App *app, const Request *req, Response *res, Error *err)
{
    SeriesPage page;
    PointList list;
    bool csv;
    if (!read_page(req, &page, &csv, res, err))
        return res->status != 0;
    if (!jobs_curve(app->jobs, page, &list, err))
        return false;
    const bool ok = csv ? curve_csv(&list, req->params[0], res) : curve_json(&list, res);
    point_list_free(&list);
    return ok;
}
