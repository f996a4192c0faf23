/* server/settings/spec_init.c -- the model that a training starts from. As a client writes it:
 * {"model": "shirts@3"}, {"job": "job_7", "checkpoint": "best"} or, on the command line, {"file":
 * "model.safetensors"}. As it is stored it is exact: a version, a step, and the file's SHA-256. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/ids.h"
#include "server/base/json/json_text.h"
#include "server/settings/spec_fields.h"

enum { POINTER = sizeof(Fault){0}.pointer };

typedef struct {
    const char *key;
    size_t offset, size;
    bool (*valid)(const char *text);
    const char *expected;
} Member;

/* UTF-8 without control characters. */
static bool is_plain(const char *text)
{
    return utf8_valid(text) && !text_has_control(text);
}

static bool is_reference(const char *text)
{
    return *text != '\0';
}

static bool is_job(const char *text)
{
    int64_t id;
    return job_id_parse(text, &id);
}

static bool is_checkpoint(const char *text)
{
    int64_t step;
    return strcmp(text, "best") == 0 || strcmp(text, "latest") == 0
           || (checkpoint_id_parse(text, &step) && step > 0);
}

static bool is_sha256(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

#define AT(member) offsetof(InitFrom, member), sizeof((InitFrom *)NULL)->member
static const Member MEMBERS[] = {
    {"model", AT(model), is_reference, "the name of a model, or name@version or name@alias"},
    {"job", AT(job), is_job, "the id of a job, like job_7"},
    {"checkpoint", AT(checkpoint), is_checkpoint, "\"best\", \"latest\", \"step_<n>\" or a step"},
    {"file", AT(file), is_reference, "the path of a file"},
    {"sha256", AT(sha256), is_sha256, "64 hexadecimal digits, small ones"},
};
#undef AT

bool init_given(const InitFrom *from)
{
    return from->model[0] || from->job[0] || from->file[0];
}

bool init_member(const char *pointer)
{
    static const char PARENT[] = "/init_from/";
    bool known = false;
    for (size_t i = 0; !known && i < COUNT(MEMBERS); i++)
        known = strncmp(pointer, PARENT, strlen(PARENT)) == 0
                && strcmp(pointer + strlen(PARENT), MEMBERS[i].key) == 0;
    return known;
}

static void read_member(const Member *m, const char *pointer, const cJSON *item, InitFrom *from,
                        Faults *faults)
{
    char step[32];
    double number;
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    if (m->valid == is_checkpoint && json_number_value(item, &number) && number == floor(number)
        && fabs(number) < 1e15) {
        snprintf(step, sizeof step, "step_%.0f", number);
        text = step;
    }
    if (strlen(text) >= m->size || !m->valid(text) || !is_plain(text))
        fault_expected(faults, pointer, m->expected, item);
    else
        strcpy((char *)from + m->offset, text);
}

static void read_members(const Field *f, const cJSON *object, InitFrom *from, Faults *faults)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char pointer[POINTER];
        snprintf(pointer, sizeof pointer, "%s", f->pointer);
        pointer_append(pointer, sizeof pointer, item->string);
        size_t i = 0;
        while (i < COUNT(MEMBERS) && strcmp(MEMBERS[i].key, item->string) != 0)
            i++;
        if (i == COUNT(MEMBERS))
            faults_add(faults, pointer, "is not a known field");
        else if (json_given_twice(object, item))
            faults_add(faults, pointer, "is given twice");
        else
            read_member(&MEMBERS[i], pointer, item, from, faults);
    }
}

static void check_members(const Field *f, const InitFrom *from, const SpecReader *r)
{
    const int sources = (from->model[0] != 0) + (from->job[0] != 0) + (from->file[0] != 0);
    const bool folders = r->rules.allow_folders;
    if (sources != 1)
        faults_add(r->faults, f->pointer, "must have one of %s, got %d of them",
                   folders ? "model, job and file" : "model and job", sources);
    else if (folders && !from->file[0])
        faults_add(r->faults, f->pointer,
                   "must have a file here: models and jobs are known to a daemon alone");
    else if (!folders && from->file[0])
        faults_add(r->faults, "/init_from/file", "is for the command line: name a model or a job");
    else if (from->checkpoint[0] && !from->job[0])
        faults_add(r->faults, "/init_from/checkpoint", "belongs to a job");
}

static void init_read(const Field *f, const cJSON *item, SpecReader *r)
{
    InitFrom from = {.model = ""};
    const int before = r->faults->count;
    if (!cJSON_IsObject(item)) {
        fault_expected(r->faults, f->pointer, "an object", item);
        return;
    }
    if (cJSON_GetArraySize(item) == 0)
        return;
    read_members(f, item, &from, r->faults);
    if (r->faults->count == before)
        check_members(f, &from, r);
    if (r->faults->count == before)
        r->spec->init_from = from;
}

static cJSON *init_write(const Field *f, const JobSpec *spec)
{
    (void)f;
    cJSON *json = cJSON_CreateObject();
    for (size_t i = 0; i < COUNT(MEMBERS); i++) {
        const char *text = (const char *)&spec->init_from + MEMBERS[i].offset;
        if (*text)
            cJSON_AddStringToObject(json, MEMBERS[i].key, text);
    }
    return json;
}

const FieldKind FIELD_INIT = {"init_from", init_read, init_write, NULL};
