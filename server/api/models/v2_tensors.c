#include "server/api/models/v2_tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_numbers.h"
#include "server/base/json/json_text.h"
#include "server/models/predictor/ranking.h"

static const cJSON *member(const cJSON *json, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* [n, channels, side, side]; *count is n. */
static bool read_shape(const cJSON *shape, const V2Shape *want, int *count, Faults *faults)
{
    const int dims[] = {0, want->channels, want->side, want->side};
    const size_t image = (size_t)want->channels * (size_t)want->side * (size_t)want->side;
    const int most = V2_NUMBERS / image < V2_IMAGES ? (int)(V2_NUMBERS / image) : V2_IMAGES;
    bool ok = cJSON_IsArray(shape) && cJSON_GetArraySize(shape) == 4;
    for (int i = 0; ok && i < 4; i++) {
        const cJSON *item = cJSON_GetArrayItem(shape, i);
        const double number = cJSON_IsNumber(item) ? item->valuedouble : -1;
        ok = i == 0 ? number >= 1 && number <= most && number == (int)number : number == dims[i];
        if (ok && i == 0)
            *count = (int)number;
    }
    if (!ok)
        faults_add(faults, "/inputs/0/shape", "must be [N, %d, %d, %d] with N from 1 to %d",
                   want->channels, want->side, want->side, most);
    return ok;
}

static bool read_data(const JsonNumbers *json, const cJSON *input, size_t count, bool bytes,
                      V2Request *r, Faults *faults)
{
    size_t n = 0;
    r->images = json_numbers_of(json, member(input, "data"), V2_NUMBERS, &n);
    bool ok = r->images && n == count;
    for (size_t i = 0; ok && i < n; i++) {
        const float number = r->images[i];
        ok =
            bytes ? number >= 0 && number <= 255 && number == (float)(int)number : isfinite(number);
        if (bytes)
            r->images[i] = number / 255.0F;
    }
    if (!ok)
        faults_add(faults, "/inputs/0/data", "must be %zu numbers%s, as the shape says", count,
                   bytes ? ", whole ones from 0 to 255" : " of float32");
    return ok;
}

static bool read_input(const JsonNumbers *json, const V2Shape *want, V2Request *r, Faults *faults)
{
    const cJSON *inputs = member(json->json, "inputs"), *input = cJSON_GetArrayItem(inputs, 0);
    if (!cJSON_IsArray(inputs) || cJSON_GetArraySize(inputs) != 1 || !cJSON_IsObject(input)) {
        faults_add(faults, "/inputs", "must be an array of one tensor");
        return false;
    }
    const cJSON *name = member(input, "name"), *type = member(input, "datatype");
    if (!cJSON_IsString(name) || strcmp(name->valuestring, "image") != 0)
        faults_add(faults, "/inputs/0/name", "must be image");
    const bool bytes = cJSON_IsString(type) && strcmp(type->valuestring, "UINT8") == 0;
    if (!bytes && !(cJSON_IsString(type) && strcmp(type->valuestring, "FP32") == 0))
        faults_add(faults, "/inputs/0/datatype", "must be FP32 or UINT8");
    const size_t image = (size_t)want->channels * (size_t)want->side * (size_t)want->side;
    return read_shape(member(input, "shape"), want, &r->count, faults)
           && read_data(json, input, (size_t)r->count * image, bytes, r, faults);
}

static void read_outputs(const cJSON *outputs, V2Request *r, Faults *faults)
{
    static const char *const NAMES[] = {"probabilities", "logits"};
    const cJSON *item;
    if (!outputs) {
        r->outputs[0] = V2_PROBABILITIES;
        r->outputs[1] = V2_LOGITS;
        r->output_count = 2;
        return;
    }
    cJSON_ArrayForEach(item, outputs)
    {
        const cJSON *name = member(item, "name");
        V2Output output = V2_PROBABILITIES;
        while (cJSON_IsString(name) && output <= V2_LOGITS
               && strcmp(name->valuestring, NAMES[output]) != 0)
            output++;
        if (!cJSON_IsString(name) || output > V2_LOGITS || r->output_count == 2) {
            r->output_count = 0;
            break;
        }
        r->outputs[r->output_count++] = output;
    }
    if (r->output_count == 0)
        faults_add(faults, "/outputs", "must be an array of tensors named probabilities or logits");
}

static void read_id(const cJSON *id, V2Request *r, Faults *faults)
{
    if (!id)
        return;
    if (!cJSON_IsString(id) || strlen(id->valuestring) >= V2_ID)
        faults_add(faults, "/id", "must be a text of at most %d bytes", V2_ID - 1);
    else
        snprintf(r->id, sizeof r->id, "%s", id->valuestring);
}

bool v2_request_read(const char *body, size_t size, const V2Shape *shape, V2Request *r,
                     Faults *faults, Error *err)
{
    JsonNumbers json;
    *r = (V2Request){.count = 0};
    if (!json_numbers_read("body", body, size, &json, err))
        return false;
    read_id(member(json.json, "id"), r, faults);
    read_outputs(member(json.json, "outputs"), r, faults);
    read_input(&json, shape, r, faults);
    json_numbers_free(&json);
    return faults->count == 0;
}

void v2_request_free(V2Request *r)
{
    free(r->images);
    r->images = NULL;
}

bool v2_add_data(cJSON *tensor, const float *logits, int count, int classes, bool softmax,
                 Error *err)
{
    cJSON *data = cJSON_AddArrayToObject(tensor, "data");
    double *row = xcalloc((size_t)classes, sizeof *row);
    bool ok = true;
    for (int i = 0; ok && i < count; i++) {
        const float *from = logits + (size_t)i * (size_t)classes;
        ok = probabilities_of(from, classes, row, err);
        for (int k = 0; ok && k < classes; k++)
            cJSON_AddItemToArray(data,
                                 json_number(softmax ? (double)(float)row[k] : (double)from[k]));
    }
    free(row);
    return ok;
}
