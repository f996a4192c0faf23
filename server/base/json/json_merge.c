#include "server/base/json/json_merge.h"

#include <stdio.h>

#include "server/base/json/json_text.h"

/* What stands for an item of a patch where there was no object before: of an object, what is left
 * without its nulls. */
static cJSON *fresh_copy(const cJSON *item, const char *pointer, Faults *faults)
{
    if (!cJSON_IsObject(item))
        return cJSON_Duplicate(item, true);
    cJSON *object = cJSON_CreateObject();
    json_merge(object, item, pointer, faults);
    return object;
}

/* Members keep their places. */
static void merge_member(cJSON *target, const cJSON *item, const char *pointer, Faults *faults)
{
    cJSON *old = cJSON_GetObjectItemCaseSensitive(target, item->string);
    if (cJSON_IsNull(item))
        cJSON_Delete(cJSON_DetachItemViaPointer(target, old));
    else if (cJSON_IsObject(item) && cJSON_IsObject(old))
        json_merge(old, item, pointer, faults);
    else if (old)
        cJSON_ReplaceItemInObjectCaseSensitive(target, item->string,
                                               fresh_copy(item, pointer, faults));
    else
        cJSON_AddItemToObject(target, item->string, fresh_copy(item, pointer, faults));
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
        if (json_given_twice(patch, item))
            faults_add(faults, place, "is given twice");
        else
            merge_member(target, item, place, faults);
    }
}
