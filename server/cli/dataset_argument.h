/* server/cli/dataset_argument.h -- the set of images that a command is given by name. */
#pragma once
#include "core/data/dataset.h"

/* As dataset_open. Known sets are looked for in the folder that GOOGLENETD_DATASETS names, as the
 * daemon does; without it, in their usual places. */
bool dataset_argument_open(const char *name, Dataset **dataset, Error *err);

/* The absolute name of a folder of images, so that a set has one name however it is spelt; from
 * malloc. NULL: it is no folder, or none that is there and whose absolute name is UTF-8 and shorter
 * than `size`. */
char *dataset_argument_absolute(const char *name, size_t size);
