/* Epochs and curve: all of them, never thinned, as JSON or CSV.
 *
 * JSON comes in pages. CSV comes whole, however long the series is: a page at a time is read and
 * sent (BodyStream), so that neither ever stands in memory.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/jobs/json_job.h"
#include "server/base/json/json_text.h"

enum {
    EPOCHS_DEFAULT = 1000,
    EPOCHS_MOST = 10000,
    POINTS_DEFAULT = 10000,
    POINTS_MOST = 100000,
    CSV_ROWS = 5000,  // read and sent at a time
};

/* ---- Rows as CSV ---- */

/* A number that reads back to the same bits, or nothing for what was not recorded; then a comma or
 * the end of the line (RFC 4180). */
static void write_real(FILE *out, double value, char end)
{
    char text[NUMBER_TEXT] = "";
    if (isfinite(value))
        number_text(value, text);
    fprintf(out, "%s%s", text, end == '\n' ? "\r\n" : ",");
}

static void write_epoch_names(FILE *out)
{
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        fprintf(out, "%s%s", EPOCH_METRICS[i].name, i < EPOCH_METRIC_COUNT - 1 ? "," : "\r\n");
}

static void write_epoch(FILE *out, const EpochMetrics *e)
{
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        write_real(out, epoch_metric_get(e, &EPOCH_METRICS[i]),
                   i < EPOCH_METRIC_COUNT - 1 ? ',' : '\n');
}

static void write_point_names(FILE *out)
{
    fputs("step,epoch,loss,accuracy,learning_rate,seconds\r\n", out);
}

static void write_point(FILE *out, const PointRow *p)
{
    fprintf(out, "%" PRId64 ",", p->step);
    write_real(out, p->epoch, ',');
    write_real(out, p->loss, ',');
    write_real(out, p->accuracy, ',');
    write_real(out, p->learning_rate, ',');
    write_real(out, p->seconds, '\n');
}

/* Write the rows of a page; page->after moves on behind them. */
static bool write_epochs(App *app, SeriesPage *page, FILE *out, bool *more, Error *err)
{
    EpochList list;
    if (!jobs_epochs(app->jobs, *page, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        write_epoch(out, &list.items[i]);
    if (list.count)
        page->after = list.items[list.count - 1].epoch;
    *more = list.has_more;
    epoch_list_free(&list);
    return true;
}

static bool write_points(App *app, SeriesPage *page, FILE *out, bool *more, Error *err)
{
    PointList list;
    if (!jobs_curve(app->jobs, *page, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        write_point(out, &list.items[i]);
    if (list.count)
        page->after = list.items[list.count - 1].step;
    *more = list.has_more;
    point_list_free(&list);
    return true;
}

/* ---- A series as CSV ---- */

typedef struct {
    const char *name;
    void (*write_names)(FILE *out);
    bool (*write)(App *app, SeriesPage *page, FILE *out, bool *more, Error *err);
} Series;

static const Series EPOCHS = {"epochs", write_epoch_names, write_epochs};
static const Series CURVE = {"curve", write_point_names, write_points};

typedef struct {
    App *app;
    const Series *series;
    SeriesPage page;
    int left;  // rows that may still come
    bool more;
    char *text;  // the next piece, where it has been made already
    size_t size;
} CsvStream;

/* The next rows into csv->text; before the first, what the columns are called. */
static bool read_rows(CsvStream *csv, bool first, Error *err)
{
    FILE *out = open_memstream(&csv->text, &csv->size);
    if (!out)
        return fail(err, ERR_NO_MEMORY, "no memory for the answer");
    csv->page.limit = csv->left < CSV_ROWS ? csv->left : CSV_ROWS;
    if (first)
        csv->series->write_names(out);
    bool ok = csv->series->write(csv->app, &csv->page, out, &csv->more, err);
    csv->left -= csv->page.limit;
    csv->more = csv->more && csv->left > 0;
    if (fclose(out) != 0 && ok)
        ok = fail(err, ERR_NO_MEMORY, "no memory for the answer");
    if (!ok) {
        free(csv->text);
        csv->text = NULL;
    }
    return ok;
}

static StreamStep next_rows(void *context, char **piece, size_t *size)
{
    CsvStream *csv = context;
    Error err = {0};
    if (!csv->text && !csv->more)
        return STREAM_END;
    if (!csv->text && !read_rows(csv, false, &err)) {
        LOG(csv->app->log, LOG_WARNING, "series_cut", log_text("reason", err.message));
        return STREAM_FAILED;
    }
    *piece = csv->text;
    *size = csv->size;
    csv->text = NULL;
    return STREAM_PIECE;
}

static void free_csv(void *context)
{
    CsvStream *csv = context;
    free(csv->text);
    free(csv);
}

static bool respond_csv(App *app, const Series *series, SeriesPage page, const char *job,
                        Response *res, Error *err)
{
    static const char TYPE[] = "text/csv; charset=utf-8";
    CsvStream *csv = xcalloc(1, sizeof *csv);
    *csv = (CsvStream){.app = app, .series = series, .page = page};
    csv->left = page.limit ? page.limit : INT32_MAX;
    if (!read_rows(csv, true, err)) {
        free_csv(csv);
        return false;
    }
    response_header(res, "Content-Disposition", "attachment; filename=\"%s-%s.csv\"", job,
                    series->name);
    if (csv->more)
        return respond_stream(res, TYPE,
                              (BodyStream){.next = next_rows, .free = free_csv, .context = csv});
    char *text = csv->text;
    csv->text = NULL;
    const size_t size = csv->size;
    free_csv(csv);
    return respond_text(res, TYPE, text, size);
}

/* ---- Pages of JSON ---- */

static cJSON *epochs_json(const EpochList *list)
{
    cJSON *data = cJSON_CreateArray();
    for (size_t i = 0; i < list->count; i++)
        cJSON_AddItemToArray(data, epoch_to_json(&list->items[i]));
    cJSON *last = list->count ? json_number((double)list->items[list->count - 1].epoch) : NULL;
    return list_to_json(data, list->has_more, last);
}

/* A column, as a chart takes it. */
static void write_column(FILE *out, const char *name, const PointList *list, size_t member)
{
    char text[NUMBER_TEXT];
    fprintf(out, "\"%s\":[", name);
    for (size_t i = 0; i < list->count; i++) {
        double value;
        memcpy(&value, (const char *)&list->items[i] + member, sizeof value);
        if (isfinite(value))
            number_text(value, text);
        fprintf(out, "%s%s", i ? "," : "", isfinite(value) ? text : "null");
    }
    fputs("],", out);
}

/* Written straight away: as a tree it would be ten times as large. */
static void write_curve(FILE *out, const PointList *list)
{
    fputs("{\"step\":[", out);
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%s%" PRId64, i ? "," : "", list->items[i].step);
    fputs("],", out);
    write_column(out, "epoch", list, offsetof(PointRow, epoch));
    write_column(out, "loss", list, offsetof(PointRow, loss));
    write_column(out, "accuracy", list, offsetof(PointRow, accuracy));
    write_column(out, "learning_rate", list, offsetof(PointRow, learning_rate));
    write_column(out, "seconds", list, offsetof(PointRow, seconds));
    fprintf(out, "\"has_more\":%s,\"last_id\":", list->has_more ? "true" : "false");
    if (list->count)
        fprintf(out, "%" PRId64 "}", list->items[list->count - 1].step);
    else
        fputs("null}", out);
}

static bool respond_curve(const PointList *list, Response *res, Error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return fail(err, ERR_NO_MEMORY, "no memory for the answer");
    write_curve(out, list);
    if (fclose(out) == 0)
        return respond_text(res, "application/json", text, size);
    free(text);
    return fail(err, ERR_NO_MEMORY, "no memory for the answer");
}

/* ---- The calls ---- */

/* How many rows of JSON come in one answer. */
typedef struct {
    int fallback, most;
} PageSize;

/* Job, cursor and form of the answer; false once *res has been answered or *err is set. */
static bool read_page(const Request *req, PageSize size, SeriesPage *page, bool *csv, Response *res,
                      Error *err)
{
    Faults faults = {.count = 0};
    *page = (SeriesPage){.limit = 0};
    if (!request_job(req, &page->job_id, err) || !request_accepts(req, "text/csv", csv, res))
        return false;
    page->after = query_integer(req->query, "after", 0, 0, INT64_MAX, &faults);
    page->limit = (int)query_integer(req->query, "limit", *csv ? 0 : size.fallback, 1,
                                     *csv ? INT32_MAX : size.most, &faults);
    query_finish(req->query, &faults);
    return faults.count == 0 || request_reject_faults(res, &faults);
}

bool get_epochs(App *app, const Request *req, Response *res, Error *err)
{
    SeriesPage page;
    EpochList list;
    bool csv;
    if (!read_page(req, (PageSize){EPOCHS_DEFAULT, EPOCHS_MOST}, &page, &csv, res, err))
        return res->status != 0;
    if (csv)
        return respond_csv(app, &EPOCHS, page, req->params[0], res, err);
    if (!jobs_epochs(app->jobs, page, &list, err))
        return false;
    cJSON *json = epochs_json(&list);
    epoch_list_free(&list);
    return respond_json(res, 200, json);
}

bool get_curve(App *app, const Request *req, Response *res, Error *err)
{
    SeriesPage page;
    PointList list;
    bool csv;
    if (!read_page(req, (PageSize){POINTS_DEFAULT, POINTS_MOST}, &page, &csv, res, err))
        return res->status != 0;
    if (csv)
        return respond_csv(app, &CURVE, page, req->params[0], res, err);
    if (!jobs_curve(app->jobs, page, &list, err))
        return false;
    const bool ok = respond_curve(&list, res, err);
    point_list_free(&list);
    return ok;
}
