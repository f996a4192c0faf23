/* core/data/dataset.h -- labelled images as bytes, in memory or mapped from files.
 *
 * A dataset has a training and a test split of equally shaped 8-bit images. It is read once and
 * then never changes, so any thread may read it. Sets come by name from the table in dataset.c, or
 * from a folder: one with a set.index, or with other files of a packed set alone, is a packed set
 * (core/data/packed/packed.h), else it holds the four files of an MNIST-like set
 * (core/data/mnist/mnist.h).
 *
 * Errors   ERR_NOT_FOUND: no such name or folder, or a file of it is missing.
 *          ERR_INVALID, of a packed set ERR_DAMAGED: a file is cut off or contradicts itself; the
 *          message names file and fault.
 *          ERR_NO_MEMORY: the pixels do not fit.
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"
#include "core/graph/shape.h"

typedef struct {
    int count;               // images
    const uint8_t *pixels;   // (count, height, width, channels)
    const uint16_t *labels;  // (count), below Dataset.classes
} Split;

typedef struct {
    const char *name;
    Shape image;
    int classes;                     // 1 to 65,535
    const char *const *class_names;  // `classes` of them
    Split train;
    Split test;

    const struct PackedIndex *packed;  // of a packed set: its digest and notes; else NULL
    struct FileMap *maps[2];           // what pixels are mapped from; NULL: they are in memory
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
/* Examples of each class of a known set, info->classes of them into `train` and into `test`; reads
 * the labels and no pixels. */
bool dataset_count_classes(const DatasetInfo *info, const char *folder, int64_t *train,
                           int64_t *test, Error *err);
void dataset_free(Dataset *dataset);  // takes NULL

/* Whether the pixels are still those of dataset_open. Of a mapped file that has been shortened or
 * changed since, or that the disk no longer gives, some may be zeros: ERR_DAMAGED names it. Cheap;
 * ask after reading. */
bool dataset_intact(const Dataset *dataset, Error *err);
/* The pixels of an example of `dataset->train` or `dataset->test` will soon be read: those of a
 * mapped file are fetched meanwhile. */
void dataset_will_need(const Dataset *dataset, const Split *split, int example);
/* Examples of each class among `examples`, `count` of them; NULL: the first `count`. */
void split_count_classes(const Split *split, const int32_t *examples, int count, int classes,
                         int64_t *counts);
