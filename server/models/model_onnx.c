#include "server/models/model_onnx.h"

#include <cJSON.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"

/* ---- Preprocessing ---- */

static void add_picture(cJSON *json, const ImageSpec *picture)
{
    if (picture->size == 0) {
        cJSON_AddNullToObject(json, "picture");
        return;
    }
    cJSON *to = cJSON_AddObjectToObject(json, "picture");
    cJSON_AddNumberToObject(to, "size", picture->size);
    cJSON_AddStringToObject(to, "fit", fit_name(picture->fit));
    cJSON_AddStringToObject(to, "filter", filter_name(picture->filter));
}

/* Of images that are not normalised, mean 0 and deviation 1. */
static void add_normalization(cJSON *json, const Normalization *n, int channels)
{
    cJSON *mean = cJSON_AddArrayToObject(json, "mean"), *std = cJSON_AddArrayToObject(json, "std");
    for (int i = 0; i < channels; i++) {
        cJSON_AddItemToArray(mean, cJSON_CreateNumber(n->channels ? n->mean[i] : 0));
        cJSON_AddItemToArray(std, cJSON_CreateNumber(n->channels ? n->deviation[i] : 1));
    }
}

static char *preprocessing_text(const ModelInfo *info, bool in_graph)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "colour", info->channels == 1 ? "grey" : "rgb");
    add_picture(json, &info->picture);
    cJSON_AddNumberToObject(json, "size", info->image_size);
    cJSON_AddStringToObject(json, "layout", "NCHW");
    cJSON_AddNumberToObject(json, "scale", 1.0 / 255);
    add_normalization(json, &info->normalization, info->channels);
    cJSON_AddBoolToObject(json, "in_graph", in_graph);
    return json_take_text(json);
}

/* ---- The file ---- */

bool model_onnx_write(const char *path, const ModelFile *m, const ModelOnnx *how, size_t *bytes,
                      Error *err)
{
    MetaList meta = {0};
    model_info_to_meta_whole(&m->info, &meta);
    meta_add(&meta, "preprocessing", preprocessing_text(&m->info, !how->without_preprocessing));
    const size_t count = meta.count + (size_t)how->more_count;
    OnnxProperty *properties = xcalloc(count, sizeof *properties);
    for (size_t i = 0; i < meta.count; i++)
        properties[i] = (OnnxProperty){meta.items[i].key, meta.items[i].value};
    for (size_t i = meta.count; i < count; i++)
        properties[i] = how->more[i - meta.count];
    const OnnxExport what = {.name = m->info.network,
                             .program_version = GOOGLENETD_VERSION,
                             .graph = m->graph,
                             .params = m->params,
                             .normalization = m->info.normalization,
                             .keep_batch_norm = how->keep_batch_norm,
                             .without_preprocessing = how->without_preprocessing,
                             .probabilities = how->probabilities,
                             .properties = properties,
                             .property_count = (int)count};
    const bool ok = onnx_write(path, &what, bytes, err);
    free(properties);
    meta_free(&meta);
    return ok;
}
