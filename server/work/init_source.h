/* server/work/init_source.h -- the file that a new job starts from, found before it is created. */
#pragma once
#include "server/base/files.h"
#include "server/jobs/jobs.h"
#include "server/models/models.h"

/* Where models are: of jobs, and under names. */
typedef struct {
    Jobs *jobs;
    Models *models;  // NULL: there are none under names
} InitSources;

/* What init_from names: *path is its file, "" where it names none, and spec->init_from is exact
 * afterwards, with the file's SHA-256. A clone of `parent` (0: it is none) takes the parent's own
 * file if it is the one that is meant, even where the source is gone. A source that is not there,
 * bytes that are not those of a SHA-256 that was given, and another network are faults at
 * /init_from. Of a spec that is not valid only the first is looked for: it describes no network. */
void init_source_find(InitSources sources, int64_t parent, JobSpec *spec, bool valid, Path *path,
                      Faults *faults);
