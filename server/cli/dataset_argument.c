#include "server/cli/dataset_argument.h"

#include <stdlib.h>

#include "server/data/dataset_folder.h"

bool dataset_argument_open(const char *name, Dataset **dataset, Error *err)
{
    const char *folder = getenv("GOOGLENETD_DATASETS");
    return dataset_open_named("", folder && *folder ? folder : NULL, 0, name, dataset, err);
}
