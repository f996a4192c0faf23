#include "server/data/dataset_folder.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/data/dataset_files.h"

char *dataset_folder(const char *datasets, const DatasetInfo *info)
{
    if (!datasets)
        return xstrdup(info->folder);
    char *folder = xasprintf("%s/%s", datasets, info->name);
    if (access(folder, F_OK) == 0)
        return folder;
    char *name = xstrdup(info->name);
    for (char *c = name; *c; c++) {
        if (*c == '_')
            *c = '-';
    }
    char *other = xasprintf("%s/%s", datasets, name);
    free(name);
    // Where there is neither, messages shall name the dataset as clients do.
    const bool found = access(other, F_OK) == 0;
    free(found ? folder : other);
    return found ? other : folder;
}

bool dataset_available(const char *datasets, const DatasetInfo *info, Error *err)
{
    char *folder = dataset_folder(datasets, info);
    const bool ok = dataset_present(info->name, folder, err);
    free(folder);
    return ok;
}

bool dataset_open_named(const char *data, const char *datasets, int64_t id, const char *name,
                        Dataset **set, Error *err)
{
    const DatasetInfo *known = id == 0 ? dataset_find(name) : NULL;
    // With a slash in it, it is a folder for dataset_open, whatever the data folder is called.
    char *path = id > 0 ? xasprintf("%s/", dataset_pixels_path(data, id).text) : xstrdup(name);
    char *folder = known ? dataset_folder(datasets, known) : NULL;
    const bool ok = dataset_open(path, folder, set, err);
    free(folder);
    free(path);
    return ok;
}
