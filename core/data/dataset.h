/* core/data/dataset.h -- labelled images, in memory as bytes.
 *
 * A dataset has a training and a test split of equally shaped 8-bit images. It is read once and
 * then never changes, so any thread may read it. Sets come by name from the table in dataset.c (one
 * row and one file in this folder for each), or from a folder that holds the four files of an
 * MNIST-like set.
 *
 * Errors   ERR_NOT_FOUND: no such name or folder, or a file of it is missing.
 *          ERR_INVALID: a file is cut off or contradicts itself; the message names file and fault.
 *          ERR_NO_MEMORY: the pixels do not fit.
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"
#include "core/graph/shape.h"

typedef struct {
    int count;              // images
    const uint8_t *pixels;  // (count, height, width, channels)
    const uint8_t *labels;  // (count), below Dataset.classes
} Split;

typedef struct {
    const char *name;
    Shape image;
    int classes;
    const char *const *class_names;  // `classes` of them
    Split train;
    Split test;
} Dataset;

/* What is known of a set without reading its files. */
typedef struct {
    const char *name;     // "fashion_mnist"
    const char *title;    // "Fashion-MNIST"
    const char *folder;   // where its files are expected
    const char *package;  // Debian's package that puts them there; NULL if there is none
    const char *const *class_names;
    int classes;
    Shape image;
    int train_count;
    int test_count;
} DatasetInfo;

/* The table of known sets. */
const DatasetInfo *dataset_table(size_t *count);
/* The row of that name; NULL: there is none. */
const DatasetInfo *dataset_find(const char *name);

/* `source` is a name from the table or, where it has a slash, a folder. `folder` overrides where a
 * known set is looked for; NULL: its default folder. The set owns all that it points to. */
bool dataset_open(const char *source, const char *folder, Dataset **dataset, Error *err);
/* Whether the files that dataset_open would read are there. It looks at names and permissions only:
 * ERR_NOT_FOUND or ERR_IO names the file. */
bool dataset_present(const char *source, const char *folder, Error *err);
void dataset_free(Dataset *dataset);  // takes NULL
