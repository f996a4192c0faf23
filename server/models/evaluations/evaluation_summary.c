#include "server/models/evaluations/evaluation_summary.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"

enum { WORST = 5, NAMED = 5 };

static int by_f1(const void *a, const void *b)
{
    const double left = json_number_at(*(cJSON *const *)a, "f1", 0);
    const double right = json_number_at(*(cJSON *const *)b, "f1", 0);
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
        if (json_number_at(class, "support", 0) > 0)
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

/* Of how many classes there were no examples, and which. */
static cJSON *untested(const cJSON *classes)
{
    cJSON *json = cJSON_CreateObject(), *names = cJSON_CreateArray();
    const cJSON *class;
    int count = 0;
    cJSON_ArrayForEach(class, classes)
    {
        if (json_number_at(class, "support", 0) == 0 && count++ < NAMED)
            cJSON_AddItemToArray(names, cJSON_Duplicate(cJSON_GetObjectItem(class, "name"), true));
    }
    cJSON_AddNumberToObject(json, "count", count);
    cJSON_AddItemToObject(json, "names", names);
    return json;
}

bool evaluation_is_for_cards(const EvaluationRow *row)
{
    return !row->test_time_flips && strcmp(row->split, "test") == 0;
}

char *evaluation_summary(const EvaluationRow *row)
{
    char id[ID_TEXT];
    cJSON *json = cJSON_CreateObject(), *figures = cJSON_Parse(row->figures);
    const cJSON *classes = cJSON_GetObjectItem(figures, "classes");
    evaluation_id_format(row->id, id);
    cJSON_AddStringToObject(json, "id", id);
    cJSON *set = cJSON_AddObjectToObject(json, "dataset");
    cJSON_AddStringToObject(set, "id", row->dataset.key);
    cJSON_AddStringToObject(set, "name", row->dataset.name);
    json_add_text(set, "digest", row->dataset.digest);
    cJSON_AddStringToObject(json, "split", row->split);
    json_add_count(json, "count", row->examples);
    json_add_real(json, "accuracy", row->accuracy);
    json_add_real(json, "top5_accuracy", row->top5_accuracy);
    json_add_real(json, "loss", row->loss);
    json_add_real(json, "macro_f1", row->macro_f1);
    json_add_real(json, "calibration_error", row->calibration_error);
    json_add_real(json, "temperature", row->temperature);
    cJSON_AddItemToObject(json, "worst_classes", worst_classes(classes));
    cJSON_AddItemToObject(json, "untested", untested(classes));
    cJSON_Delete(figures);
    return json_take_text(json);
}
