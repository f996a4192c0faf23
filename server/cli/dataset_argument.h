/* server/cli/dataset_argument.h -- the set of images that a command is given by name. */
#pragma once
#include "core/data/dataset.h"

/* As dataset_open. Known sets are looked for in the folder that GOOGLENETD_DATASETS names, as the
 * daemon does; without it, in their usual places. */
bool dataset_argument_open(const char *name, Dataset **dataset, Error *err);
