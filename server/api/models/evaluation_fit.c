#include "server/api/models/evaluation_fit.h"

#include <string.h>

#include "core/base/nfc.h"

void picture_kind_free(PictureKind *kind)
{
    cJSON_Delete(kind->names);
    *kind = (PictureKind){0};
}

static cJSON *names_of(const char *const *names, int count)
{
    return names ? cJSON_CreateStringArray(names, count) : NULL;
}

/* From [{"name":"rose","train":8,"test":2}]. */
static cJSON *names_of_classes(const char *classes)
{
    cJSON *all = cJSON_Parse(classes), *names = cJSON_CreateArray();
    const cJSON *item;
    cJSON_ArrayForEach(item, all)
    {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "name");
        cJSON_AddItemToArray(names, cJSON_Duplicate(name, false));
    }
    cJSON_Delete(all);
    return names;
}

bool picture_kind_of_set(App *app, const char *id_or_name, PictureKind *kind, Error *err)
{
    const DatasetInfo *known = dataset_find(id_or_name);
    DatasetRow set;
    *kind = (PictureKind){0};
    if (known) {
        *kind = (PictureKind){known->image.channels, known->classes,
                              names_of(known->class_names, known->classes), known->train_count,
                              known->test_count};
        return true;
    }
    if (!datasets_find(app->sets, id_or_name, &set, err))
        return false;
    kind->channels = set.image.channels;
    kind->names = names_of_classes(set.classes);
    kind->classes = cJSON_GetArraySize(kind->names);
    kind->train_count = set.train_count;
    kind->test_count = set.test_count;
    dataset_row_free(&set);
    return true;
}

PictureKind picture_kind_of_version(const ModelVersion *version)
{
    return (PictureKind){.channels = version->row.channels,
                         .classes = version->row.classes,
                         .names = names_of(version->class_names, version->row.classes)};
}

/* The first label that has another name here than there. */
static void compare_names(const PictureKind *network, const PictureKind *set, Faults *faults)
{
    const cJSON *theirs = network->names->child, *ours = set->names->child;
    for (int label = 0; theirs && ours; label++, theirs = theirs->next, ours = ours->next) {
        if (nfc_equal(theirs->valuestring, ours->valuestring))
            continue;
        faults_add_as(faults, "/dataset", "dataset_does_not_fit",
                      "has other classes: label %d is %.100s here, and %.100s to the network",
                      label, ours->valuestring, theirs->valuestring);
        return;
    }
}

void picture_kind_compare(const PictureKind *network, const PictureKind *set, const char *split,
                          Faults *faults)
{
    if ((strcmp(split, "train") == 0 ? set->train_count : set->test_count) == 0)
        faults_add_as(faults, "/split", "dataset_does_not_fit",
                      "must be one with pictures, %s has none", split);
    if (network->channels != set->channels)
        faults_add_as(faults, "/dataset", "dataset_does_not_fit",
                      "has images of %d channel%s, and the network takes %d", set->channels,
                      set->channels == 1 ? "" : "s", network->channels);
    if (set->classes > network->classes)
        faults_add_as(faults, "/dataset", "dataset_does_not_fit",
                      "has %d classes, and the network tells %d apart", set->classes,
                      network->classes);
    else if (network->names && set->names)
        compare_names(network, set, faults);
}
