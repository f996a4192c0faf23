#include "server/models/predictor/ranking.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"

bool probabilities_of(const float *logits, int classes, double *probabilities, Error *err)
{
    double most = -INFINITY, sum = 0;
    for (int k = 0; k < classes; k++) {
        if (!isfinite(logits[k]))
            return fail_as(err, ERR_NUMERIC, "no_number",
                           "the network gives no number for class %d", k);
        most = fmax(most, (double)logits[k]);
    }
    for (int k = 0; k < classes; k++)
        sum += probabilities[k] = exp((double)logits[k] - most);
    for (int k = 0; k < classes; k++)
        probabilities[k] /= sum;
    return true;
}

/* Whether a stands before b. Two logits may have one probability. */
static int compare(const void *a, const void *b)
{
    const RankedClass *x = a, *y = b;
    if (x->probability != y->probability)
        return x->probability > y->probability ? -1 : 1;
    return x->label - y->label;
}

bool ranking_of(const float *logits, int classes, int most, RankedClass *ranking, int *count,
                Error *err)
{
    double *probabilities = xcalloc((size_t)classes, sizeof *probabilities);
    RankedClass *all = xcalloc((size_t)classes, sizeof *all);
    const bool ok = probabilities_of(logits, classes, probabilities, err);
    for (int k = 0; k < classes; k++)
        all[k] = (RankedClass){k, probabilities[k]};
    qsort(all, (size_t)classes, sizeof *all, compare);
    *count = most < classes ? most : classes;
    for (int i = 0; i < *count; i++)
        ranking[i] = all[i];
    free(all);
    free(probabilities);
    return ok;
}

const char *class_name(const ModelInfo *info, int label, char text[16])
{
    if (info->class_names)
        return info->class_names[label];
    snprintf(text, 16, "%d", label);
    return text;
}

cJSON *ranking_to_json(const ModelInfo *info, const RankedClass *ranking, int count)
{
    cJSON *json = cJSON_CreateObject(), *classes = cJSON_AddArrayToObject(json, "classes");
    for (int i = 0; i < count; i++) {
        char number[16];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", class_name(info, ranking[i].label, number));
        cJSON_AddNumberToObject(item, "label", ranking[i].label);
        cJSON_AddItemToObject(item, "probability", json_number(ranking[i].probability));
        cJSON_AddItemToArray(classes, item);
    }
    return json;
}
