#include "server/base/json_merge.h"

#include <stdio.h>

static void merge_member(cJSON *target, const cJSON *item, const char *pointer, Faults *faults)
{
    cJSON *old = cJSON_GetObjectItemCaseSensitive(target, item->string);
    if (cJSON_IsObject(item) && cJSON_IsObject(old)) {
        json_merge(old, item, pointer, faults);
        return;
    }
    cJSON_Delete(cJSON_DetachItemViaPointer(target, old));
    if (cJSON_IsNull(item))
        return;
    if (!cJSON_IsObject(item)) {
        cJSON_AddItemToObject(target, item->string, cJSON_Duplicate(item, true));
        return;
    }
    json_merge(cJSON_AddObjectToObject(target, item->string), item, pointer, faults);
}

void json_merge(cJSON *target, const cJSON *patch, const char *pointer, Faults *faults)
{
    if (cJSON_GetArraySize(patch) > MERGE_MOST_FIELDS) {
        faults_add(faults, pointer, "must have at most %d members", MERGE_MOST_FIELDS);
        return;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, patch)
    {
        char place[sizeof(Fault){0}.pointer];
        snprintf(place, sizeof place, "%s", pointer);
        pointer_append(place, sizeof place, item->string);
        if (cJSON_GetObjectItemCaseSensitive(patch, item->string) == item)
            merge_member(target, item, place, faults);
        else
            faults_add(faults, place, "is given twice");
    }
}
