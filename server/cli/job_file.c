#include "server/cli/job_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/files.h"
#include "server/base/json/json_text.h"
#include "server/cli/dataset_argument.h"
#include "server/cli/input.h"
#include "server/settings/spec_fields.h"

/* "/optimizer/momentum" of that or of "optimizer.momentum"; to be freed. */
static char *pointer_of(const char *path)
{
    char *pointer = xasprintf("%s%s", *path == '/' ? "" : "/", path);
    for (char *dot; *path != '/' && (dot = strchr(pointer, '.'));)
        *dot = '/';
    return pointer;
}

static bool is_metadata(const char *pointer)
{
    return strncmp(pointer, "/metadata/", strlen("/metadata/")) == 0;
}

/* "/blocks/2.0", which names have dots in them. */
static bool is_block(const char *pointer)
{
    static const char PARENT[] = "/blocks/";
    return strncmp(pointer, PARENT, strlen(PARENT)) == 0 && !strchr(pointer + strlen(PARENT), '/');
}

/* Whether a field holds text, which may look like a number: name=7. */
static bool is_text(const char *pointer)
{
    static const FieldKind *const KINDS[] = {&FIELD_NAME, &FIELD_MODEL, &FIELD_DATASET,
                                             &FIELD_NETWORK, &FIELD_CHOICE};
    const Field *field = spec_field(pointer);
    bool text = is_metadata(pointer) || init_member(pointer);
    for (size_t i = 0; field && i < COUNT(KINDS); i++)
        text = text || field->kind == KINDS[i];
    return text;
}

/* The value of a --set; null takes the field out of the job file, as in a merge patch. */
static cJSON *set_value(const char *pointer, const char *text)
{
    cJSON *value = json_parse_text("value", text, strlen(text), NULL);
    if (value && (cJSON_IsString(value) || cJSON_IsNull(value) || !is_text(pointer)))
        return value;
    cJSON_Delete(value);
    return cJSON_CreateString(text);
}

/* Whether null may stand for the field's absence: what nobody knows of stays, and is a fault. */
static bool can_be_unset(const char *pointer)
{
    return spec_field(pointer) || is_metadata(pointer) || init_member(pointer) || is_block(pointer);
}

/* The object that the last name of `path` is in, *key; objects are made on the way. NULL: something
 * on the way is no object. Takes the path apart. */
static cJSON *make_parents(cJSON *object, char *path, char separator, char **key)
{
    for (char *end; object && (end = strchr(path, separator)); path = end + 1) {
        *end = '\0';
        cJSON *inner = cJSON_GetObjectItemCaseSensitive(object, path);
        if (!inner)
            inner = cJSON_AddObjectToObject(object, path);
        object = cJSON_IsObject(inner) ? inner : NULL;
    }
    *key = path;
    return object;
}

/* Put a value at "optimizer.learning_rate" or, as faults name it, "/optimizer/learning_rate". */
static bool apply_set(cJSON *job, const char *set, Error *err)
{
    const char *equals = strchr(set, '=');
    if (!equals || equals == set)
        return fail(err, ERR_INVALID, "--set %.200s: expected KEY=VALUE", set);
    if (!utf8_valid(set))
        return fail(err, ERR_INVALID,
                    "--set %.200s: job files are UTF-8, and this is not; a link with another name "
                    "will do for a file",
                    set);
    char *path = xstrdup(set), *key;
    path[equals - set] = '\0';
    char *field = pointer_of(path);
    const bool pointer = path[0] == '/';
    cJSON *value = set_value(field, equals + 1);
    const bool unset = cJSON_IsNull(value) && can_be_unset(field);
    cJSON *object = make_parents(job, path + pointer, pointer ? '/' : '.', &key);
    if (object)
        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    if (object && !unset)
        cJSON_AddItemToObject(object, key, value);
    else
        cJSON_Delete(value);
    free(field);
    free(path);
    return object
           || fail(err, ERR_INVALID, "--set %.200s: what stands before the %s is not an object",
                   set, pointer ? "slash" : "dot");
}

/* A folder of images is called by its absolute name, so that the settings mean the same wherever
 * they are read next. One that is not there keeps its name, for messages, and so does one whose
 * absolute name no job file can hold. */
static void resolve_dataset(JobSpec *spec)
{
    char *path = dataset_argument_absolute(spec->dataset, sizeof spec->dataset);
    if (path)
        strcpy(spec->dataset, path);
    free(path);
}

/* The file that it starts from, likewise, and what is in it. One that is gone has no say: a
 * training that goes on does not read it. */
static bool resolve_init(InitFrom *from, Error *err)
{
    char path[PATH_MAX], sha256[65];
    int64_t bytes;
    if (!from->file[0] || !realpath(from->file, path))
        return true;
    if (utf8_valid(path) && strlen(path) < sizeof from->file)
        strcpy(from->file, path);
    if (!file_digest(path, &bytes, sha256, err))
        return false;
    if (from->sha256[0] && strcmp(from->sha256, sha256) != 0)
        return fail(err, ERR_INVALID, "%s has the SHA-256 %s, not %s", path, sha256, from->sha256);
    strcpy(from->sha256, sha256);
    return true;
}

/* NULL on failure. */
static cJSON *parse_and_set(const char *label, const char *text, size_t length,
                            const char *const *sets, int set_count, Error *err)
{
    cJSON *job = json_parse_text(label, text, length, err);
    // What is no object has a fault of its own.
    for (int i = 0; i < set_count && cJSON_IsObject(job); i++) {
        if (!apply_set(job, sets[i], err)) {
            cJSON_Delete(job);
            return NULL;
        }
    }
    return job;
}

bool job_file_text(const char *path, const char *const *sets, int set_count, char **text,
                   Error *err)
{
    size_t length = 0;
    if (!input_text(path, JSON_MAX_BYTES, text, &length, err))
        return false;
    if (strlen(*text) != length)
        return fail(err, ERR_INVALID, "%s is no JSON: it has a NUL in it", path);
    if (set_count == 0)
        return true;
    cJSON *job = parse_and_set(input_label(path), *text, length, sets, set_count, err);
    free(*text);
    *text = job ? json_take_text(job) : NULL;
    return job != NULL;
}

bool job_file_read(const char *path, const char *const *sets, int set_count, JobSpec *spec,
                   Faults *faults, Error *err)
{
    char *text = NULL;
    size_t length = 0;
    if (!input_text(path, JSON_MAX_BYTES, &text, &length, err))
        return false;
    cJSON *job = parse_and_set(input_label(path), text, length, sets, set_count, err);
    free(text);
    if (!job)
        return false;
    bool ok = spec_read(job, (SpecRules){.allow_folders = true}, spec, faults);
    if (ok) {
        resolve_dataset(spec);
        ok = resolve_init(&spec->init_from, err);
    }
    if (!ok)
        spec_free(spec);
    cJSON_Delete(job);
    return ok;
}
