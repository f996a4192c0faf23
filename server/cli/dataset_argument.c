#include "server/cli/dataset_argument.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "server/data/dataset_folder.h"

bool dataset_argument_open(const char *name, Dataset **dataset, Error *err)
{
    const char *folder = getenv("GOOGLENETD_DATASETS");
    return dataset_open_named("", folder && *folder ? folder : NULL, 0, name, dataset, err);
}

char *dataset_argument_absolute(const char *name, size_t size)
{
    char *path = strchr(name, '/') ? realpath(name, NULL) : NULL;
    if (path && utf8_valid(path) && strlen(path) < size)
        return path;
    free(path);
    return NULL;
}
