/* server/jobs/files/lost_found.h -- where files go that the store does not know.
 *
 * They may be all that is left of a job, after a backup was restored or a store was lost. Nothing
 * deletes them.
 */
#pragma once
#include "server/base/ids.h"
#include "server/base/log.h"

/* Move a file or a folder to DATA/lost+found, under `name` or, where that is taken, name.1, name.2
 * and so on; one log line says where it is now, or why it stayed. False: it stayed. */
bool lost_found_take(const char *data, const char *path, const char *name, Log *log);

/* The greatest id in the names of DATA/folder and DATA/lost+found; 0: there is none. */
int64_t lost_found_last(const char *data, const char *folder, IdParser parse);
