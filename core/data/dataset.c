#include "core/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/files/file_map.h"
#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "core/data/mnist/mnist.h"
#include "core/data/packed/packed.h"

// As torchvision and the d2l.ai chapter name them.
static const char *const FASHION_MNIST_NAMES[] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot",
};

static const char *const DIGIT_NAMES[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static const DatasetInfo TABLE[] = {
    {
        .name = "fashion_mnist",
        .title = "Fashion-MNIST",
        .folder = "/usr/share/datasets/fashion-mnist",
        .package = "dataset-fashion-mnist",
        .class_names = FASHION_MNIST_NAMES,
        .classes = COUNT(FASHION_MNIST_NAMES),
        .image = {1, 28, 28},
        .train_count = 60000,
        .test_count = 10000,
    },
    {
        .name = "mnist",
        .title = "MNIST",
        .folder = "/usr/share/datasets/mnist",
        .class_names = DIGIT_NAMES,
        .classes = COUNT(DIGIT_NAMES),
        .image = {1, 28, 28},
        .train_count = 60000,
        .test_count = 10000,
    },
};

const DatasetInfo *dataset_table(size_t *count)
{
    *count = COUNT(TABLE);
    return TABLE;
}

const DatasetInfo *dataset_find(const char *name)
{
    for (size_t i = 0; i < COUNT(TABLE); i++) {
        if (strcmp(name, TABLE[i].name) == 0)
            return &TABLE[i];
    }
    return NULL;
}

static bool fail_unknown(const char *source, Error *err)
{
    return fail(
        err, ERR_NOT_FOUND,
        "dataset must be a known name (such as %s) or a folder with a slash in it, got %.200s",
        TABLE[0].name, source);
}

/* Of the two kinds of folders neither can say well that there is none. */
static bool is_folder(const char *path, Error *err)
{
    return !file_is_gone(path) || fail(err, ERR_NOT_FOUND, "there is no folder %.400s", path);
}

/* Whether the folder is opened as a packed set, or else as one of MNIST's family. One that lacks
 * only the index is a packed set, so that the error names the index. */
static bool is_packed(const char *folder)
{
    return packed_is(folder) || (packed_has_parts(folder) && mnist_is_absent(folder));
}

bool dataset_open(const char *source, const char *folder, Dataset **dataset, Error *err)
{
    if (strchr(source, '/'))
        return is_folder(source, err)
               && (is_packed(source) ? packed_open(source, dataset, err)
                                     : mnist_open(source, NULL, dataset, err));
    const DatasetInfo *known = dataset_find(source);
    if (known)
        return mnist_open(folder ? folder : known->folder, known, dataset, err);
    return fail_unknown(source, err);
}

bool dataset_present(const char *source, const char *folder, Error *err)
{
    if (strchr(source, '/'))
        return is_folder(source, err)
               && (is_packed(source) ? packed_present(source, err)
                                     : mnist_present(source, NULL, err));
    const DatasetInfo *known = dataset_find(source);
    if (known)
        return mnist_present(folder ? folder : known->folder, known, err);
    return fail_unknown(source, err);
}

bool dataset_count_classes(const DatasetInfo *info, const char *folder, int64_t *train,
                           int64_t *test, Error *err)
{
    return mnist_count_classes(folder ? folder : info->folder, info, train, test, err);
}

bool dataset_intact(const Dataset *dataset, Error *err)
{
    for (size_t i = 0; i < COUNT(dataset->maps); i++)
        if (dataset->maps[i] && !file_map_intact(dataset->maps[i], err))
            return false;
    return true;
}

void dataset_will_need(const Dataset *dataset, const Split *split, int example)
{
    const FileMap *map = dataset->maps[split == &dataset->test];
    const size_t bytes = shape_count(dataset->image);
    if (map && (split == &dataset->train || split == &dataset->test))
        file_map_will_need(map, (size_t)example * bytes, bytes);
}

void split_count_classes(const Split *split, const int32_t *examples, int count, int classes,
                         int64_t *counts)
{
    memset(counts, 0, (size_t)classes * sizeof *counts);
    for (int i = 0; i < count; i++)
        counts[split->labels[examples ? examples[i] : i]]++;
}

static void split_free(Split *split, FileMap *map)
{
    if (map)
        file_map_close(map);
    else
        free((void *)split->pixels);
    free((void *)split->labels);
}

static void names_free(Dataset *dataset)
{
    for (int i = 0; i < dataset->classes; i++)
        free((void *)dataset->class_names[i]);
    free((void *)dataset->class_names);
}

void dataset_free(Dataset *dataset)
{
    if (!dataset)
        return;
    if (dataset->packed)
        packed_index_free((PackedIndex *)dataset->packed);  // which has the names
    else
        names_free(dataset);
    free((void *)dataset->name);
    split_free(&dataset->train, dataset->maps[0]);
    split_free(&dataset->test, dataset->maps[1]);
    free(dataset);
}
