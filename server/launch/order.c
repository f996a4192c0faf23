#include "server/launch/order.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"

enum { MAX_ORDER = 16 << 20 };

char *order_line(const Order *o)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "settings", spec_to_json(&o->spec));
    json_add_count(json, "ranks", o->ranks);
    json_add_text(json, "folder", o->folder);
    json_add_text(json, "name", o->name);
    json_add_text(json, "checkpoint", o->checkpoint);
    json_add_text(json, "autotune", o->autotune);
    json_add_text(json, "kernels", o->kernels);
    json_add_real(json, "checkpoint_seconds", o->checkpoint_seconds);
    cJSON_AddItemToObject(json, "resume", cJSON_CreateStringArray(o->resume, o->resume_count));
    return json_take_text(json);
}

static bool read_settings(Order *o, Error *err)
{
    Faults faults = {0};
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(o->json, "settings");
    return spec_read(settings, (SpecRules){.allow_folders = true}, &o->spec, &faults)
           || fail(err, ERR_INVALID, "%s %s", faults.items[0].pointer, faults.items[0].detail);
}

static void read_resume(Order *o)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(o->json, "resume"), *item;
    o->resume = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *o->resume);
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item))
            o->resume[o->resume_count++] = item->valuestring;
    }
}

bool order_read(const char *line, Order *o, Error *err)
{
    *o = (Order){.json = json_parse_long("the order", line, strlen(line), MAX_ORDER, err)};
    if (!o->json)
        return false;
    o->ranks = (int)json_number_at(o->json, "ranks", 0);
    o->folder = json_text_at(o->json, "folder");
    o->name = json_text_at(o->json, "name");
    o->checkpoint = json_text_at(o->json, "checkpoint");
    o->autotune = json_text_at(o->json, "autotune");
    o->kernels = json_text_at(o->json, "kernels");
    o->checkpoint_seconds = json_number_at(o->json, "checkpoint_seconds", 0);
    read_resume(o);
    if (!o->name || !o->checkpoint)
        return fail(err, ERR_INVALID, "the order is not whole");
    return read_settings(o, err);
}

void order_free(Order *o)
{
    spec_free(&o->spec);
    free(o->resume);
    cJSON_Delete(o->json);
    *o = (Order){.ranks = 0};
}
