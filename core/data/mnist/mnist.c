#include "core/data/mnist/mnist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/data/mnist/idx.h"

/* A split while its two files are read. */
typedef struct {
    char *images_path;
    char *labels_path;
    Idx images;
    Idx labels;
} Parts;

/* Whether a file is there; false with an error where that cannot be told. */
static bool is_there(const char *path, Error *err)
{
    if (access(path, F_OK) == 0)
        return true;
    if (errno != ENOENT && errno != ENOTDIR)
        fail(err, ERR_IO, "%.400s cannot be read: %s", path, strerror(errno));
    return false;
}

/* The path of `folder`/`prefix`-`suffix`, plain or gzip; NULL if there is neither. */
static char *find_file(const char *folder, const char *prefix, const char *suffix,
                       const DatasetInfo *known, Error *err)
{
    char *path = xasprintf("%s/%s-%s.gz", folder, prefix, suffix);
    char *end = path + strlen(path) - strlen(".gz");
    Error unseen = {0};
    *end = '\0';
    if (is_there(path, &unseen))
        return path;
    *end = '.';
    if (is_there(path, &unseen))
        return path;
    if (unseen.code != ERR_NONE) {
        fail_with(err, &unseen);
        free(path);
        return NULL;
    }
    const bool packaged = known && known->package && strcmp(folder, known->folder) == 0;
    fail(err, ERR_NOT_FOUND, "%.300s/%s-%s is missing, and so is the same with .gz%s%s", folder,
         prefix, suffix, packaged ? "; it comes with Debian's package " : "",
         packaged ? known->package : "");
    free(path);
    return NULL;
}

static const char *const SPLITS[] = {"train", "t10k"};
static const char IMAGES[] = "images-idx3-ubyte", LABELS[] = "labels-idx1-ubyte";

static bool file_present(const char *folder, const char *prefix, const char *suffix,
                         const DatasetInfo *known, Error *err)
{
    char *path = find_file(folder, prefix, suffix, known, err);
    if (!path)
        return false;
    const bool ok = access(path, R_OK) == 0
                    || fail(err, ERR_IO, "%.400s cannot be read: %s", path, strerror(errno));
    free(path);
    return ok;
}

bool mnist_present(const char *folder, const DatasetInfo *known, Error *err)
{
    for (size_t i = 0; i < COUNT(SPLITS); i++) {
        if (!file_present(folder, SPLITS[i], IMAGES, known, err)
            || !file_present(folder, SPLITS[i], LABELS, known, err))
            return false;
    }
    return true;
}

bool mnist_is_absent(const char *folder)
{
    static const char *const SUFFIXES[] = {IMAGES, LABELS};
    for (size_t i = 0; i < COUNT(SPLITS) * COUNT(SUFFIXES); i++) {
        Error why = {0};
        char *path = find_file(folder, SPLITS[i / 2], SUFFIXES[i % 2], NULL, &why);
        free(path);
        if (path || why.code != ERR_NOT_FOUND)
            return false;
    }
    return true;
}

static bool parts_read(const char *folder, const char *prefix, const DatasetInfo *known,
                       Parts *parts, Error *err)
{
    parts->images_path = find_file(folder, prefix, IMAGES, known, err);
    if (!parts->images_path)
        return false;
    parts->labels_path = find_file(folder, prefix, LABELS, known, err);
    if (!parts->labels_path)
        return false;
    if (!idx_read(parts->labels_path, IDX_LABELS, &parts->labels, err)
        || !idx_read(parts->images_path, IDX_IMAGES, &parts->images, err))
        return false;
    if (parts->labels.count != parts->images.count)
        return fail(err, ERR_INVALID, "%s has %d labels, but there are %d images beside it",
                    parts->labels_path, parts->labels.count, parts->images.count);
    return true;
}

static void parts_free(Parts *parts)
{
    free(parts->images_path);
    free(parts->labels_path);
    idx_free(&parts->images);
    idx_free(&parts->labels);
}

static bool check_labels(const Parts *parts, int classes, Error *err)
{
    for (int i = 0; i < parts->labels.count; i++)
        if (parts->labels.data[i] >= classes)
            return fail(err, ERR_INVALID, "%s: label %d of example %d is outside the %d classes",
                        parts->labels_path, parts->labels.data[i], i, classes);
    return true;
}

static bool check_image(const Parts *parts, Shape image, Error *err)
{
    if (parts->images.height == image.height && parts->images.width == image.width)
        return true;
    return fail(err, ERR_INVALID, "%s has images of %d x %d pixels, want %d x %d",
                parts->images_path, parts->images.height, parts->images.width, image.height,
                image.width);
}

static int count_classes(const Idx *labels)
{
    int highest = 0;
    for (int i = 0; i < labels->count; i++)
        if (labels->data[i] > highest)
            highest = labels->data[i];
    return highest + 1;
}

static const char *const *copy_names(const DatasetInfo *known, int classes)
{
    char **names = xcalloc((size_t)classes, sizeof *names);
    for (int i = 0; i < classes; i++)
        names[i] = known ? xstrdup(known->class_names[i]) : xasprintf("%d", i);
    return (const char *const *)names;
}

/* Moves the pixels from the parts into a split, and widens the labels. */
static Split take_split(Parts *parts)
{
    const int count = parts->images.count;
    uint16_t *labels = xcalloc((size_t)count, sizeof *labels);
    for (int i = 0; i < count; i++)
        labels[i] = parts->labels.data[i];
    const Split split = {count, parts->images.data, labels};
    parts->images.data = NULL;
    return split;
}

bool mnist_open(const char *folder, const DatasetInfo *known, Dataset **dataset, Error *err)
{
    Parts train = {0}, test = {0};
    bool ok = parts_read(folder, SPLITS[0], known, &train, err)
              && parts_read(folder, SPLITS[1], known, &test, err);
    if (!ok)
        goto done;
    const Shape image = known ? known->image : (Shape){1, train.images.height, train.images.width};
    const int classes = known ? known->classes : count_classes(&train.labels);
    ok = check_image(&train, image, err) && check_image(&test, image, err)
         && check_labels(&train, classes, err) && check_labels(&test, classes, err);
    if (!ok)
        goto done;

    Dataset *d = xcalloc(1, sizeof *d);
    d->name = xstrdup(known ? known->name : folder);
    d->image = image;
    d->classes = classes;
    d->class_names = copy_names(known, classes);
    d->train = take_split(&train);
    d->test = take_split(&test);
    *dataset = d;
done:
    parts_free(&train);
    parts_free(&test);
    return ok;
}

static bool count_labels(const char *folder, const char *prefix, const DatasetInfo *known,
                         int64_t *counts, Error *err)
{
    Parts parts = {.labels_path = find_file(folder, prefix, LABELS, known, err)};
    const bool ok = parts.labels_path && idx_read(parts.labels_path, IDX_LABELS, &parts.labels, err)
                    && check_labels(&parts, known->classes, err);
    memset(counts, 0, (size_t)known->classes * sizeof *counts);
    for (int i = 0; ok && i < parts.labels.count; i++)
        counts[parts.labels.data[i]]++;
    parts_free(&parts);
    return ok;
}

bool mnist_count_classes(const char *folder, const DatasetInfo *known, int64_t *train,
                         int64_t *test, Error *err)
{
    return count_labels(folder, SPLITS[0], known, train, err)
           && count_labels(folder, SPLITS[1], known, test, err);
}
