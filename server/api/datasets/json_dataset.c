#include "server/api/datasets/json_dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"

/* What all sets begin with. */
static cJSON *begin(const char *id, const char *name, const char *title, const char *status)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "id", id);
    cJSON_AddStringToObject(json, "object", "dataset");
    cJSON_AddStringToObject(json, "name", name);
    cJSON_AddStringToObject(json, "title", title);
    cJSON_AddStringToObject(json, "status", status);
    return json;
}

/* NULL kind: it has none yet. */
static void add_source(cJSON *json, const char *kind, const char *folder, const char *upload)
{
    if (!kind) {
        cJSON_AddNullToObject(json, "source");
        return;
    }
    cJSON *source = cJSON_AddObjectToObject(json, "source");
    cJSON_AddStringToObject(source, "kind", kind);
    json_add_text(source, "folder", folder);
    json_add_text(source, "upload", upload);
}

static void add_image(cJSON *json, int channels, int size, const char *fit, const char *filter)
{
    cJSON *image = cJSON_AddObjectToObject(json, "image");
    cJSON_AddNumberToObject(image, "channels", channels);
    cJSON_AddNumberToObject(image, "size", size);
    json_add_text(image, "fit", fit);
    json_add_text(image, "filter", filter);
}

static void add_counts(cJSON *json, int64_t train, int64_t test, int64_t left_out)
{
    cJSON *counts = cJSON_AddObjectToObject(json, "counts");
    json_add_count(counts, "train", train);
    json_add_count(counts, "test", test);
    json_add_count(counts, "left_out", left_out);
}

cJSON *dataset_to_json(const DatasetRow *set)
{
    char id[ID_TEXT];
    dataset_id_format(set->id, id);
    const bool is_folder = strcmp(set->source.kind, "folder") == 0;
    const bool is_upload = strcmp(set->source.kind, "upload") == 0;
    const int64_t pictures = set->train_count + set->test_count;
    cJSON *json = begin(id, set->name, set->name, DATASET_STATUS_NAMES[set->status]);
    cJSON_AddItemToObject(json, "metadata", json_stored_item(set->metadata, set->damage));
    add_source(json, set->source.kind[0] ? set->source.kind : NULL,
               is_folder ? set->source.what : NULL, is_upload ? set->source.what : NULL);
    add_image(json, set->image.channels, set->image.size, set->image.fit, set->image.filter);
    json_add_real(json, "test_share", set->test_share);
    json_add_count(json, "seed", set->seed);
    cJSON_AddItemToObject(json, "classes", json_stored_item(set->classes, set->damage));
    add_counts(json, set->train_count, set->test_count, set->left_out_count);
    json_add_count(json, "bytes", set->bytes);
    json_add_text(json, "digest", set->digest);
    if (set->status == DATASET_READY)
        json_add_progress(json, pictures, pictures);
    else
        json_add_progress(json, set->progress.done, set->progress.total);
    cJSON_AddItemToObject(json, "warnings", json_stored_item(set->warnings, set->damage));
    json_add_error(json, set->error.code, set->error.message);
    json_add_time(json, "created_at", set->created_at);
    json_add_time(json, "started_at", set->started_at);
    json_add_time(json, "finished_at", set->finished_at);
    return json;
}

/* Pictures of each class of a known set. */
typedef struct {
    int64_t *train, *test;  // NULL: the labels cannot be read
} ClassCounts;

static ClassCounts count_classes(const DatasetInfo *set, const char *folder)
{
    ClassCounts counts = {xcalloc((size_t)set->classes, sizeof *counts.train),
                          xcalloc((size_t)set->classes, sizeof *counts.test)};
    if (dataset_count_classes(set, folder, counts.train, counts.test, NULL))
        return counts;
    free(counts.train);
    free(counts.test);
    return (ClassCounts){NULL, NULL};
}

static void add_class_count(cJSON *class, const char *split, const int64_t *counts, int label)
{
    if (counts)
        json_add_count(class, split, counts[label]);
    else
        cJSON_AddNullToObject(class, split);
}

static void add_known_classes(cJSON *json, const DatasetInfo *set, const ClassCounts *counts)
{
    cJSON *classes = cJSON_AddArrayToObject(json, "classes");
    for (int i = 0; i < set->classes; i++) {
        cJSON *class = cJSON_CreateObject();
        cJSON_AddStringToObject(class, "name", set->class_names[i]);
        add_class_count(class, "train", counts->train, i);
        add_class_count(class, "test", counts->test, i);
        cJSON_AddItemToArray(classes, class);
    }
}

cJSON *known_dataset_to_json(const DatasetInfo *set, const char *folder, const char *missing)
{
    ClassCounts counts = missing ? (ClassCounts){NULL, NULL} : count_classes(set, folder);
    const int64_t pictures = missing ? 0 : (int64_t)set->train_count + set->test_count;
    cJSON *json = begin(set->name, set->name, set->title,
                        DATASET_STATUS_NAMES[missing ? DATASET_FAILED : DATASET_READY]);
    cJSON_AddObjectToObject(json, "metadata");
    add_source(json, "known", folder, NULL);
    add_image(json, set->image.channels, set->image.height, NULL, NULL);
    cJSON_AddNullToObject(json, "test_share");
    cJSON_AddNullToObject(json, "seed");
    add_known_classes(json, set, &counts);
    free(counts.train);
    free(counts.test);
    add_counts(json, set->train_count, set->test_count, 0);
    cJSON_AddNullToObject(json, "bytes");
    cJSON_AddNullToObject(json, "digest");
    json_add_progress(json, pictures, pictures);
    cJSON_AddItemToObject(json, "warnings", cJSON_CreateArray());
    json_add_error(json, missing ? "files_missing" : NULL, missing);
    json_add_time(json, "created_at", 0);
    json_add_time(json, "started_at", 0);
    json_add_time(json, "finished_at", 0);
    return json;
}
