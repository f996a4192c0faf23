#include "server/api/models/json_evaluation.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"

/* ---- An evaluation ---- */

static void add_found(cJSON *to, const char *name, bool found, double value)
{
    json_add_real(to, name, found ? value : NAN);
}

static void add_source(cJSON *json, const EvaluationRow *row)
{
    char job[ID_TEXT] = "", checkpoint[ID_TEXT] = "";
    if (row->source.job_id > 0) {
        job_id_format(row->source.job_id, job);
        checkpoint_id_format(row->source.step, checkpoint);
    }
    json_add_text(json, "job_id", job);
    json_add_text(json, "checkpoint", checkpoint);
    if (row->source.model_id > 0) {
        cJSON *model = cJSON_AddObjectToObject(json, "model");
        cJSON_AddStringToObject(model, "name", row->source.model);
        json_add_count(model, "version", row->source.version);
    } else {
        cJSON_AddNullToObject(json, "model");
    }
    cJSON_AddBoolToObject(json, "automatic", row->automatic);
}

static void add_dataset(cJSON *json, const EvaluationRow *row)
{
    cJSON *set = cJSON_AddObjectToObject(json, "dataset");
    cJSON_AddStringToObject(set, "id", row->dataset.key);
    cJSON_AddStringToObject(set, "name", row->dataset.name);
    json_add_text(set, "digest", row->dataset.digest);
    cJSON_AddStringToObject(json, "split", row->split);
    json_add_count(json, "limit", row->example_limit);
    cJSON_AddBoolToObject(json, "test_time_flips", row->test_time_flips);
}

static void add_summary(cJSON *json, const EvaluationRow *row)
{
    const bool found = row->status == EVALUATION_SUCCEEDED;
    add_found(json, "examples", found, (double)row->examples);
    add_found(json, "mistakes", found, (double)row->mistakes);
    add_found(json, "loss", found, row->loss);
    add_found(json, "accuracy", found, row->accuracy);
    add_found(json, "top5_accuracy", found, row->top5_accuracy);
    add_found(json, "macro_f1", found, row->macro_f1);
    add_found(json, "calibration_error", found, row->calibration_error);
    add_found(json, "temperature", found, row->temperature);
    add_found(json, "seconds", found, row->seconds);
}

cJSON *evaluation_row_to_json(const EvaluationRow *row, bool whole)
{
    char id[ID_TEXT];
    evaluation_id_format(row->id, id);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "id", id);
    cJSON_AddStringToObject(json, "object", "evaluation");
    cJSON_AddStringToObject(json, "name", row->name);
    cJSON_AddItemToObject(json, "metadata", json_stored_item(row->metadata, row->damage));
    cJSON_AddStringToObject(json, "status", EVALUATION_STATUS_NAMES[row->status]);
    add_source(json, row);
    add_dataset(json, row);
    json_add_progress(json, row->progress.done, row->progress.total);
    add_summary(json, row);
    if (whole)
        cJSON_AddItemToObject(json, "figures",
                              row->figures ? json_stored_item(row->figures, row->damage)
                                           : cJSON_CreateNull());
    json_add_error(json, row->error.code, row->error.message);
    json_add_count(json, "restart_count", row->restart_count);
    json_add_time(json, "created_at", row->created_at);
    json_add_time(json, "started_at", row->started_at);
    json_add_time(json, "finished_at", row->finished_at);
    return json;
}

/* ---- What it has found ---- */

char *confusion_json(const EvaluationRow *row, const CellList *cells)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "{\"object\":\"confusion\",\"classes\":%s,\"cells\":[", row->class_names);
    for (size_t i = 0; i < cells->count; i++)
        fprintf(out, "%s[%d,%d,%" PRId64 "]", i ? "," : "", cells->items[i].truth,
                cells->items[i].guess, cells->items[i].count);
    fputs("]}", out);
    fclose(out);
    return text;
}

cJSON *mistake_to_json(const MistakeRow *mistake, const cJSON *names, int64_t first)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "mistake");
    json_add_count(json, "rank", mistake->rank);
    json_add_count(json, "example", mistake->example);
    add_found(json, "picture", first >= 0, (double)(first + mistake->example));
    json_add_count(json, "truth", mistake->truth);
    json_add_count(json, "guess", mistake->guess);
    json_add_text(json, "truth_name",
                  cJSON_GetStringValue(cJSON_GetArrayItem(names, mistake->truth)));
    json_add_text(json, "guess_name",
                  cJSON_GetStringValue(cJSON_GetArrayItem(names, mistake->guess)));
    add_found(json, "loss", true, mistake->loss);
    add_found(json, "confidence", true, mistake->confidence);
    add_found(json, "truth_share", true, mistake->truth_share);
    return json;
}

/* ---- A request ---- */

static void read_text(const cJSON *item, const char *pointer, const char **text, Faults *faults)
{
    if (cJSON_IsString(item) && item->valuestring[0])
        *text = item->valuestring;
    else
        fault_expected(faults, pointer, "a string", item);
}

static void read_limit(const cJSON *item, int *limit, Faults *faults)
{
    double number;
    if (json_number_value(item, &number) && number >= 0 && number <= INT_MAX
        && number == floor(number))
        *limit = (int)number;
    else
        fault_expected(faults, "/limit", "a whole number from 0 (all) to 2147483647", item);
}

static void read_flips(const cJSON *item, bool *flips, Faults *faults)
{
    if (cJSON_IsBool(item))
        *flips = cJSON_IsTrue(item);
    else
        fault_expected(faults, "/test_time_flips", "true or false", item);
}

static void read_member(const cJSON *item, EvaluationRequest *r, Faults *faults)
{
    const struct {
        const char *pointer;
        const char **text;
    } texts[] = {{"/job", &r->job},
                 {"/checkpoint", &r->checkpoint},
                 {"/model", &r->model},
                 {"/dataset", &r->dataset},
                 {"/split", &r->split}};
    char pointer[sizeof faults->items[0].pointer] = "";
    pointer_append(pointer, sizeof pointer, item->string);
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (strcmp(texts[i].pointer, pointer) == 0) {
            read_text(item, pointer, texts[i].text, faults);
            return;
        }
    }
    if (strcmp(pointer, "/limit") == 0)
        read_limit(item, &r->limit, faults);
    else if (strcmp(pointer, "/test_time_flips") == 0)
        read_flips(item, &r->test_time_flips, faults);
    else
        faults_add(faults, pointer, "is not a known field");
}

void evaluation_from_json(const cJSON *json, EvaluationRequest *request, Faults *faults)
{
    *request = (EvaluationRequest){.split = "test"};
    const cJSON *item, *members = cJSON_IsObject(json) ? json : NULL;
    if (!members)
        fault_expected(faults, "", "an object", json);
    cJSON_ArrayForEach(item, members)
    {
        char pointer[sizeof faults->items[0].pointer] = "";
        if (json_given_twice(members, item)) {
            pointer_append(pointer, sizeof pointer, item->string);
            faults_add(faults, pointer, "is given twice");
        } else {
            read_member(item, request, faults);
        }
    }
    if (strcmp(request->split, "test") != 0 && strcmp(request->split, "train") != 0)
        faults_add(faults, "/split", "must be \"test\" or \"train\", got \"%.40s\"",
                   request->split);
    if (members && !request->job && !request->model)
        faults_add(faults, "", "needs a job or a model");
    if (request->job && request->model)
        faults_add(faults, "/model", "must be absent where there is a job");
    if (request->checkpoint && !request->job)
        faults_add(faults, "/checkpoint", "belongs to a job");
}
