#include "server/cli/job_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json_text.h"

/* All of a file, but not more than a byte beyond what JSON may have. */
static bool read_all(const char *path, const char *label, char **text, size_t *length, Error *err)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (!file)
        return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", label,
                    strerror(errno));
    *text = xcalloc(JSON_MAX_BYTES + 1, 1);
    *length = fread(*text, 1, JSON_MAX_BYTES + 1, file);
    const bool bad = ferror(file);
    const int why = errno;
    if (!is_stdin)
        fclose(file);
    if (!bad)
        return true;
    free(*text);
    return fail(err, ERR_IO, "%s: %s", label, strerror(why));
}

/* The value of a --set. */
static cJSON *set_value(const char *text)
{
    cJSON *value = json_parse_text("value", text, strlen(text), NULL);
    return value ? value : cJSON_CreateString(text);
}

/* Put a value at "optimizer.learning_rate", making the objects on the way. */
static bool apply_set(cJSON *job, const char *set, Error *err)
{
    const char *equals = strchr(set, '=');
    if (!equals || equals == set)
        return fail(err, ERR_INVALID, "--set %.200s: expected KEY=VALUE", set);
    char *path = xstrdup(set);
    path[equals - set] = '\0';
    cJSON *object = job;
    char *key = path;
    bool ok = true;
    for (char *dot; ok && (dot = strchr(key, '.')); key = dot + 1) {
        *dot = '\0';
        cJSON *inner = cJSON_GetObjectItemCaseSensitive(object, key);
        if (!inner)
            inner = cJSON_AddObjectToObject(object, key);
        ok = cJSON_IsObject(inner);
        object = inner;
    }
    if (!ok) {
        fail(err, ERR_INVALID, "--set %.200s: what stands before the dot is not an object", set);
    } else {
        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
        cJSON_AddItemToObject(object, key, set_value(equals + 1));
    }
    free(path);
    return ok;
}

bool job_file_read(const char *path, const char *const *sets, int set_count, JobSpec *spec,
                   Faults *faults, Error *err)
{
    const char *label = strcmp(path, "-") == 0 ? "stdin" : path;
    char *text = NULL;
    size_t length = 0;
    if (!read_all(path, label, &text, &length, err))
        return false;
    cJSON *job = json_parse_text(label, text, length, err);
    free(text);
    if (!job)
        return false;
    bool ok = true;
    // What is no object has a fault of its own.
    for (int i = 0; ok && i < set_count && cJSON_IsObject(job); i++)
        ok = apply_set(job, sets[i], err);
    ok = ok && spec_read(job, (SpecRules){.allow_folders = true}, spec, faults);
    if (!ok && faults->count > 0)
        spec_free(spec);
    cJSON_Delete(job);
    return ok;
}
