#include "server/data/dataset_folder.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"

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
