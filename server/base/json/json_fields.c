#include "server/base/json/json_fields.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/json/json_text.h"
#include "server/base/time.h"

void json_add_text(cJSON *to, const char *name, const char *text)
{
    cJSON_AddItemToObject(to, name, text && *text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void json_add_path(cJSON *to, const char *name, const char *path)
{
    char *text = xstrdup(path), *const end = text + strlen(text);
    for (char *at = text; at < end;) {
        const size_t length = utf8_next(at, end);
        if (length == 0)
            *at = '?';
        at += length ? length : 1;
    }
    cJSON_AddStringToObject(to, name, text);
    free(text);
}

void json_add_time(cJSON *to, const char *name, int64_t ms)
{
    char text[TIME_TEXT] = "";
    if (ms > 0)
        time_format(ms, text);
    json_add_text(to, name, text);
}

void json_add_count(cJSON *to, const char *name, int64_t value)
{
    cJSON_AddNumberToObject(to, name, (double)value);
}

void json_add_real(cJSON *to, const char *name, double value)
{
    cJSON_AddItemToObject(to, name, json_number(value));
}

void json_add_progress(cJSON *to, int64_t done, int64_t total)
{
    cJSON *progress = cJSON_AddObjectToObject(to, "progress");
    json_add_count(progress, "done", done);
    json_add_count(progress, "total", total);
}

void json_add_error(cJSON *to, const char *code, const char *message)
{
    if (!code || !*code) {
        cJSON_AddNullToObject(to, "error");
        return;
    }
    cJSON *error = cJSON_AddObjectToObject(to, "error");
    cJSON_AddStringToObject(error, "code", code);
    cJSON_AddStringToObject(error, "message", message);
}

const char *json_text_at(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

double json_number_at(const cJSON *object, const char *name, double otherwise)
{
    double value;
    return json_number_value(cJSON_GetObjectItemCaseSensitive(object, name), &value) ? value
                                                                                     : otherwise;
}
