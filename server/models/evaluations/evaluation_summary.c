#include "server/models/evaluations/evaluation_summary.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/json_text.h"
#include "server/jobs/job.h"

enum { WORST = 5 };

static double number_of(const cJSON *class, const char *key)
{
    double value = 0;
    json_number_value(cJSON_GetObjectItem(class, key), &value);
    return value;
}

static int by_f1(const void *a, const void *b)
{
    const double left = number_of(*(cJSON *const *)a, "f1");
    const double right = number_of(*(cJSON *const *)b, "f1");
    return (left > right) - (left < right);
}

/* The classes with the lowest F1 that have examples. */
static cJSON *worst_classes(const cJSON *classes)
{
    static const char *const KEYS[] = {"name", "recall", "precision", "support"};
    const cJSON **order = xcalloc((size_t)cJSON_GetArraySize(classes) + 1, sizeof *order);
    const cJSON *class;
    cJSON *worst = cJSON_CreateArray();
    size_t count = 0;
    cJSON_ArrayForEach(class, classes)
    {
        if (number_of(class, "support") > 0)
            order[count++] = class;
    }
    qsort(order, count, sizeof *order, by_f1);
    for (size_t i = 0; i < count && i < WORST; i++) {
        cJSON *one = cJSON_CreateObject();
        for (size_t k = 0; k < COUNT(KEYS); k++)
            cJSON_AddItemToObject(one, KEYS[k],
                                  cJSON_Duplicate(cJSON_GetObjectItem(order[i], KEYS[k]), true));
        cJSON_AddItemToArray(worst, one);
    }
    free(order);
    return worst;
}

char *evaluation_summary(const EvaluationRow *row)
{
    char id[JOB_ID];
    cJSON *json = cJSON_CreateObject(), *figures = cJSON_Parse(row->figures);
    evaluation_id_format(row->id, id);
    cJSON_AddStringToObject(json, "id", id);
    cJSON *set = cJSON_AddObjectToObject(json, "dataset");
    cJSON_AddStringToObject(set, "id", row->dataset.key);
    cJSON_AddStringToObject(set, "name", row->dataset.name);
    if (row->dataset.digest[0])
        cJSON_AddStringToObject(set, "digest", row->dataset.digest);
    else
        cJSON_AddNullToObject(set, "digest");
    cJSON_AddStringToObject(json, "split", row->split);
    cJSON_AddNumberToObject(json, "count", (double)row->examples);
    cJSON_AddItemToObject(json, "accuracy", json_number(row->accuracy));
    cJSON_AddItemToObject(json, "top5_accuracy", json_number(row->top5_accuracy));
    cJSON_AddItemToObject(json, "loss", json_number(row->loss));
    cJSON_AddItemToObject(json, "macro_f1", json_number(row->macro_f1));
    cJSON_AddItemToObject(json, "calibration_error", json_number(row->calibration_error));
    cJSON_AddItemToObject(json, "temperature",
                          isfinite(row->temperature) ? json_number(row->temperature)
                                                     : cJSON_CreateNull());
    cJSON_AddItemToObject(json, "worst_classes",
                          worst_classes(cJSON_GetObjectItem(figures, "classes")));
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(figures);
    cJSON_Delete(json);
    return text;
}
