#include "core/train/files/model_info.h"

#include <cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { MAX_NUMBER = 1000000 };

/* ---- Writing ---- */

static void add_number(MetaList *list, const char *key, int number)
{
    if (number > 0)
        meta_add(list, key, xasprintf("%d", number));
}

/* Takes the tree. */
static void add_json(MetaList *list, const char *key, cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);
    meta_add(list, key, xstrdup(text));
    cJSON_free(text);
    cJSON_Delete(json);
}

static cJSON *block_json(const Inception *c)
{
    cJSON *json = cJSON_CreateArray();
    cJSON_AddItemToArray(json, cJSON_CreateNumber(c->c1));
    cJSON_AddItemToArray(json, cJSON_CreateIntArray(c->c2, 2));
    cJSON_AddItemToArray(json, cJSON_CreateIntArray(c->c3, 2));
    cJSON_AddItemToArray(json, cJSON_CreateNumber(c->c4));
    return json;
}

cJSON *blocks_to_json(const BlockList *blocks)
{
    cJSON *json = cJSON_CreateObject();
    for (int i = 0; i < blocks->count; i++)
        cJSON_AddItemToObject(json, blocks->items[i].name, block_json(&blocks->items[i].channels));
    return json;
}

void model_info_to_meta(const ModelInfo *info, MetaList *list)
{
    if (info->network)
        meta_add(list, "model", xstrdup(info->network));
    add_number(list, "channels", info->channels);
    add_number(list, "image_size", info->image_size);
    add_number(list, "classes", info->classes);
    if (info->class_names)
        add_json(list, "class_names", cJSON_CreateStringArray(info->class_names, info->classes));
    if (info->blocks.count > 0)
        add_json(list, "blocks", blocks_to_json(&info->blocks));
    if (info->picture.size > 0) {
        add_number(list, "picture_size", info->picture.size);
        meta_add(list, "fit", xstrdup(fit_name(info->picture.fit)));
        meta_add(list, "filter", xstrdup(filter_name(info->picture.filter)));
    }
    if (info->dataset)
        meta_add(list, "dataset", xstrdup(info->dataset));
    if (info->dataset_digest)
        meta_add(list, "dataset_digest", xstrdup(info->dataset_digest));
}

void model_info_to_meta_whole(const ModelInfo *info, MetaList *list)
{
    char text[NORMALIZATION_TEXT];
    normalization_to_text(&info->normalization, text);
    model_info_to_meta(info, list);
    if (*text)
        meta_add(list, "normalization", xstrdup(text));
    if (info->precision != PRECISION_AUTO)
        meta_add(list, "precision", xstrdup(PRECISION_NAMES[info->precision]));
}

/* ---- Reading: each takes the text of its key, and answers whether it was understood. ---- */

static bool read_network(const char *text, ModelInfo *info)
{
    info->network = xstrdup(text);
    return true;
}

static bool read_number(const char *text, int *number)
{
    char *end = NULL;
    errno = 0;
    const long value = strtol(text, &end, 10);
    *number = (int)value;
    return errno == 0 && end != text && *end == '\0' && value >= 1 && value <= MAX_NUMBER;
}

static bool read_channels(const char *text, ModelInfo *info)
{
    return read_number(text, &info->channels);
}

static bool read_image_size(const char *text, ModelInfo *info)
{
    return read_number(text, &info->image_size);
}

static bool read_classes(const char *text, ModelInfo *info)
{
    return read_number(text, &info->classes);
}

/* After the number of classes; where that is not said, there are as many as names. */
static bool read_class_names(const char *text, ModelInfo *info)
{
    cJSON *json = cJSON_Parse(text);
    const cJSON *item;
    const int count = cJSON_IsArray(json) ? cJSON_GetArraySize(json) : 0;
    bool ok = count > 0 && (info->classes == 0 || info->classes == count);
    info->classes = ok ? count : info->classes;
    char **names = ok ? xcalloc((size_t)info->classes, sizeof *names) : NULL;
    info->class_names = (const char *const *)names;
    int filled = 0;
    for (item = ok ? json->child : NULL; item; item = item->next) {
        ok = ok && cJSON_IsString(item);
        names[filled++] = xstrdup(cJSON_IsString(item) ? item->valuestring : "");
    }
    cJSON_Delete(json);
    return ok;
}

static bool read_width(const cJSON *item, int *channels)
{
    const double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
    if (!(value >= 1 && value <= MODEL_MAX_BLOCK_CHANNELS))
        return false;
    *channels = (int)value;
    return *channels == value;
}

static bool read_block(const cJSON *item, InceptionBlock *block)
{
    Inception *c = &block->channels;
    const cJSON *path2 = cJSON_GetArrayItem(item, 1), *path3 = cJSON_GetArrayItem(item, 2);
    return strlen(item->string) < MODEL_BLOCK_NAME && cJSON_GetArraySize(item) == 4
           && snprintf(block->name, sizeof block->name, "%s", item->string) > 0
           && read_width(cJSON_GetArrayItem(item, 0), &c->c1)
           && read_width(cJSON_GetArrayItem(path2, 0), &c->c2[0])
           && read_width(cJSON_GetArrayItem(path2, 1), &c->c2[1])
           && read_width(cJSON_GetArrayItem(path3, 0), &c->c3[0])
           && read_width(cJSON_GetArrayItem(path3, 1), &c->c3[1])
           && read_width(cJSON_GetArrayItem(item, 3), &c->c4);
}

static bool read_blocks(const char *text, ModelInfo *info)
{
    cJSON *json = cJSON_Parse(text);
    bool ok = cJSON_IsObject(json) && cJSON_GetArraySize(json) <= MODEL_MAX_BLOCKS;
    for (const cJSON *item = ok ? json->child : NULL; ok && item; item = item->next)
        ok = read_block(item, &info->blocks.items[info->blocks.count++]);
    cJSON_Delete(json);
    return ok;
}

static bool read_normalization(const char *text, ModelInfo *info)
{
    return normalization_from_text(text, &info->normalization);
}

static bool read_precision(const char *text, ModelInfo *info)
{
    return precision_from_name(text, &info->precision);
}

static bool read_picture_size(const char *text, ModelInfo *info)
{
    info->picture = (ImageSpec){.channels = info->channels};
    return read_number(text, &info->picture.size) && image_spec_check(&info->picture, NULL);
}

static bool read_fit(const char *text, ModelInfo *info)
{
    return fit_from_name(text, &info->picture.fit);
}

static bool read_filter(const char *text, ModelInfo *info)
{
    return filter_from_name(text, &info->picture.filter);
}

static bool read_dataset(const char *text, ModelInfo *info)
{
    info->dataset = xstrdup(text);
    return true;
}

static bool read_dataset_digest(const char *text, ModelInfo *info)
{
    info->dataset_digest = xstrdup(text);
    return true;
}

/* Channels before the picture's size. */
static const struct {
    const char *key;
    bool (*read)(const char *text, ModelInfo *info);
} FIELDS[] = {
    {"model", read_network},
    {"channels", read_channels},
    {"image_size", read_image_size},
    {"classes", read_classes},
    {"class_names", read_class_names},
    {"blocks", read_blocks},
    {"normalization", read_normalization},
    {"precision", read_precision},
    {"dataset", read_dataset},
    {"dataset_digest", read_dataset_digest},
    {"picture_size", read_picture_size},
    {"fit", read_fit},
    {"filter", read_filter},
};

bool model_info_from_meta(const SafeFile *file, const char *path, ModelInfo *info, Error *err)
{
    *info = (ModelInfo){0};
    for (size_t i = 0; i < COUNT(FIELDS); i++) {
        const char *text = safetensors_metadata(file, FIELDS[i].key);
        if (text && !FIELDS[i].read(text, info)) {
            model_info_free(info);
            return fail(err, ERR_INVALID, "%s is damaged: its %s is %.64s", path, FIELDS[i].key,
                        text);
        }
    }
    return true;
}

void model_info_free(ModelInfo *info)
{
    for (int i = 0; info->class_names && i < info->classes; i++)
        free((void *)info->class_names[i]);
    free((void *)info->class_names);
    free((void *)info->network);
    free((void *)info->dataset);
    free((void *)info->dataset_digest);
    *info = (ModelInfo){0};
}
