/* server/settings/spec_set.h -- what is known of a job's data set before its pixels are opened. */
#pragma once
#include "core/data/dataset.h"
#include "server/store/rows_dataset.h"

typedef struct {
    bool known;   // false: an MNIST-like folder, whose images are not known before it is opened
    bool mapped;  // its pixels are mapped at training, and need no memory of the process
    int64_t id;   // of a set that people brought; 0: a known set, or a folder
    char name[DATASET_NAME], digest[DATASET_DIGEST];
    Shape image;
    int classes, train_count, test_count;
} SpecSet;

/* The sets that people brought. `find` fills *set for an id or a name: ERR_NOT_FOUND where there is
 * none, ERR_CONFLICT with a sentence where it is not ready. */
typedef struct {
    bool (*find)(void *context, const char *id_or_name, SpecSet *set, Error *err);
    // Whether the files of set `id` are not there and neither are those of any other, as where a
    // disk is not mounted. May be NULL.
    bool (*away)(void *context, int64_t id);
    // A job found that the files of set `id` are damaged or gone. May be NULL.
    void (*damaged)(void *context, int64_t id, const Error *why);
    void *context;
} SpecSets;

/* A row of the table of known sets. */
SpecSet spec_set_known(const DatasetInfo *info);

/* A folder: what the index of a packed set says, else MNIST's shape and `known` false. */
SpecSet spec_set_folder(const char *folder);
