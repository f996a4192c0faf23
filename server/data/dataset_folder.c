#include "server/data/dataset_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "core/data/mnist/mnist.h"
#include "core/data/packed/packed.h"
#include "server/data/dataset_files.h"

/* Whether `other` is the set's folder rather than `own`: it has the files, or there is no `own`. */
static bool is_rather(const char *other, const char *own, const DatasetInfo *info)
{
    if (dataset_present(info->name, own, NULL))
        return false;
    return dataset_present(info->name, other, NULL) || (file_is_gone(own) && !file_is_gone(other));
}

char *dataset_folder(const char *datasets, const DatasetInfo *info)
{
    if (!datasets)
        return xstrdup(info->folder);
    char *own = xasprintf("%s/%s", datasets, info->name);
    char *name = xstrdup(info->name);
    for (char *c = name; *c; c++) {
        if (*c == '_')
            *c = '-';
    }
    char *other = xasprintf("%s/%s", datasets, name);
    free(name);
    // Where there is neither, messages shall name the dataset as clients do.
    const bool found = strcmp(own, other) != 0 && is_rather(other, own, info);
    free(found ? own : other);
    return found ? other : own;
}

bool dataset_available(const char *datasets, const DatasetInfo *info, Error *err)
{
    char *folder = dataset_folder(datasets, info);
    const bool ok = dataset_present(info->name, folder, err);
    free(folder);
    return ok;
}

static bool known_away(const char *datasets)
{
    size_t count;
    const DatasetInfo *table = dataset_table(&count);
    for (size_t i = 0; datasets && i < count; i++) {
        Error why = {0};
        if (dataset_available(datasets, &table[i], &why) || why.code != ERR_NOT_FOUND)
            return false;
    }
    return datasets;
}

bool datasets_away(const char *datasets, const SpecSets *sets, int64_t id)
{
    if (id > 0)
        return sets && sets->away && sets->away(sets->context, id);
    return known_away(datasets);
}

/* A folder with none of the files that a set has: pictures, perhaps, that nobody has imported. */
static bool is_pictures(const char *path)
{
    struct stat info;
    return strchr(path, '/') && stat(path, &info) == 0 && S_ISDIR(info.st_mode) && !packed_is(path)
           && !packed_has_parts(path) && mnist_is_absent(path);
}

static bool fail_pictures(const char *path, Error *err)
{
    return fail(err, ERR_NOT_FOUND,
                "%.200s is a folder, but no data set: `googlenetd dataset import` makes one of "
                "pictures",
                path);
}

bool dataset_open_named(const char *data, const char *datasets, int64_t id, const char *name,
                        Dataset **set, Error *err)
{
    const DatasetInfo *known = id == 0 ? dataset_find(name) : NULL;
    // With a slash in it, it is a folder for dataset_open, whatever the data folder is called.
    char *path = id > 0 ? xasprintf("%s/", dataset_pixels_path(data, id).text) : xstrdup(name);
    char *folder = known ? dataset_folder(datasets, known) : NULL;
    const bool ok = (known || id > 0 || !is_pictures(path) || fail_pictures(path, err))
                    && dataset_open(path, folder, set, err);
    free(folder);
    free(path);
    return ok;
}
