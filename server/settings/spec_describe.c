/* server/settings/spec_describe.c -- the table of fields as forms and documentation take it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/base/json/json_text.h"
#include "server/settings/spec_fields.h"

void field_path(const char *pointer, char path[FIELD_PATH])
{
    snprintf(path, FIELD_PATH, "%s", pointer + 1);
    for (char *c = path; *c; c++)
        if (*c == '/')
            *c = '.';
}

static bool has_range(const Field *f)
{
    return f->kind == &FIELD_INT || f->kind == &FIELD_SEED || f->kind == &FIELD_NUMBER
           || f->kind == &FIELD_RANGE || f->kind == &FIELD_NUMBERS;
}

static cJSON *choices_to_json(const Field *f)
{
    if (!f->kind->choice)
        return cJSON_CreateNull();
    cJSON *choices = cJSON_CreateArray();
    const char *name;
    for (size_t i = 0; (name = f->kind->choice(f, i)); i++)
        cJSON_AddItemToArray(choices, cJSON_CreateString(name));
    return choices;
}

/* {"schedule.type": ["step"]}, or null. */
static cJSON *when_to_json(const Field *f)
{
    if (!f->when)
        return cJSON_CreateNull();
    char path[FIELD_PATH];
    field_path(f->when, path);
    cJSON *when = cJSON_CreateObject();
    cJSON *values = cJSON_AddArrayToObject(when, path);
    for (size_t i = 0; f->when_values[i]; i++)
        cJSON_AddItemToArray(values, cJSON_CreateString(f->when_values[i]));
    return when;
}

static cJSON *needs_to_json(const Field *f)
{
    char path[FIELD_PATH];
    if (!f->needs)
        return cJSON_CreateNull();
    field_path(f->needs, path);
    return cJSON_CreateString(path);
}

static cJSON *field_to_json(const Field *f, const JobSpec *defaults)
{
    char path[FIELD_PATH];
    field_path(f->pointer, path);
    const bool range = has_range(f);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "setting");
    cJSON_AddStringToObject(json, "path", path);
    cJSON_AddStringToObject(json, "pointer", f->pointer);
    cJSON_AddStringToObject(json, "type", f->kind->type);
    cJSON_AddItemToObject(json, "default",
                          f->default_varies ? cJSON_CreateNull() : f->kind->write(f, defaults));
    cJSON_AddItemToObject(json, "minimum", range ? json_number(f->min) : cJSON_CreateNull());
    cJSON_AddItemToObject(json, "maximum",
                          range && isfinite(f->max) ? json_number(f->max) : cJSON_CreateNull());
    cJSON_AddBoolToObject(json, "exclusive_minimum", f->above_min);
    cJSON_AddBoolToObject(json, "exclusive_maximum", f->below_max);
    cJSON_AddItemToObject(json, "choices", choices_to_json(f));
    cJSON_AddItemToObject(json, "when", when_to_json(f));
    cJSON_AddItemToObject(json, "needs", needs_to_json(f));
    cJSON_AddStringToObject(json, "title", f->title);
    cJSON_AddStringToObject(json, "description", f->about);
    cJSON_AddStringToObject(json, "group", f->section);
    cJSON_AddBoolToObject(json, "rare", f->rare);
    return json;
}

cJSON *spec_fields_to_json(void)
{
    size_t count;
    const Field *fields = spec_fields(&count);
    JobSpec defaults;
    spec_set_defaults(&defaults);
    cJSON *rows = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        if (fields[i].kind != &FIELD_GROUP)
            cJSON_AddItemToArray(rows, field_to_json(&fields[i], &defaults));
    return rows;
}

void spec_fields_print(FILE *out)
{
    size_t count;
    const Field *fields = spec_fields(&count);
    JobSpec defaults;
    spec_set_defaults(&defaults);
    for (size_t i = 0; i < count; i++) {
        const Field *f = &fields[i];
        if (f->kind == &FIELD_GROUP)
            continue;
        char path[FIELD_PATH];
        field_path(f->pointer, path);
        cJSON *value = f->kind->write(f, &defaults);
        char *text = f->default_varies ? NULL : cJSON_PrintUnformatted(value);
        fprintf(out, "  %-32s %-15s %s\n", path, text ? text : "", f->about);
        cJSON_free(text);
        cJSON_Delete(value);
    }
}
