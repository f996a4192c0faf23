/* server/data/dataset_folder.h -- where the files of a known dataset are. */
#pragma once
#include "core/data/dataset.h"
#include "server/settings/spec_set.h"

/* Without a folder of datasets (NULL), the default place. In one, the folder that is called after
 * the dataset, fashion_mnist, or as Debian's packages write such names, fashion-mnist: of two the
 * one with the files. From malloc. */
char *dataset_folder(const char *datasets, const DatasetInfo *info);

/* A set as a training or an evaluation reads it: `id` 0, a known one called `name` (or, on the
 * command line, a folder), else one that people brought, whose files are in the daemon's folder. */
bool dataset_open_named(const char *data, const char *datasets, int64_t id, const char *name,
                        Dataset **set, Error *err);

/* Whether the files of set `id` are not there and neither are those of any other, as where a disk
 * is not mounted: of those that people brought, as `sets` knows, which may be NULL; with `id` 0 of
 * the known ones, in a folder of datasets that is named. */
bool datasets_away(const char *datasets, const SpecSets *sets, int64_t id);

/* Whether its files are there; else an error that names the one that is missing. */
bool dataset_available(const char *datasets, const DatasetInfo *info, Error *err);
