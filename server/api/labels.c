#include "server/api/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_merge.h"
#include "server/base/json/json_text.h"
#include "server/settings/spec.h"

cJSON *labels_patch(const cJSON *json, Faults *faults)
{
    cJSON *change = cJSON_CreateObject();
    if (!cJSON_IsObject(json))
        fault_expected(faults, "", "an object", json);
    const cJSON *item, *members = cJSON_IsObject(json) ? json : NULL;
    cJSON_ArrayForEach(item, members)
    {
        char pointer[sizeof faults->items[0].pointer] = "";
        if (strcmp(item->string, "name") == 0 || strcmp(item->string, "metadata") == 0) {
            cJSON_AddItemToObject(change, item->string, cJSON_Duplicate(item, true));
        } else {
            pointer_append(pointer, sizeof pointer, item->string);
            faults_add(faults, pointer, "cannot be changed, only name and metadata can");
        }
    }
    return change;
}

cJSON *labels_patched(const char *name, const char *metadata, const cJSON *patch, Faults *faults)
{
    cJSON *labels = cJSON_CreateObject();
    if (name[0])
        cJSON_AddStringToObject(labels, "name", name);
    cJSON_AddItemToObject(labels, "metadata", json_parse_stored(metadata));
    json_merge(labels, patch, "", faults);
    return labels;
}

bool labels_read(const cJSON *labels, char *name, size_t size, char **metadata, Faults *faults)
{
    JobSpec spec = {0};
    // What is allowed in a name and in metadata is known to the settings of jobs.
    spec_read(labels, (SpecRules){.allow_folders = false}, &spec, faults);
    const bool ok = faults->count == 0;
    if (ok && name)
        snprintf(name, size, "%s", spec.name);
    if (ok) {
        free(*metadata);
        *metadata = spec.metadata ? cJSON_PrintUnformatted(spec.metadata) : xstrdup("{}");
    }
    spec_free(&spec);
    return ok;
}
