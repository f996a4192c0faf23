/* server/cli/job_file.h -- a job from a file or from stdin, changed by --set.
 *
 * Errors   ERR_IO, ERR_NOT_FOUND: the file cannot be read. ERR_INVALID: it is not JSON, or a
 *          --set cannot be applied. Faults of the job itself go into the list, all of them.
 */
#pragma once
#include "server/settings/spec.h"

/* `path` "-" is stdin. `sets` are "optimizer.learning_rate=0.05": the value is JSON, or, where it
 * is not, a string as it stands. False with either err filled or faults counted. */
bool job_file_read(const char *path, const char *const *sets, int set_count, JobSpec *spec,
                   Faults *faults, Error *err);

/* The text of the job alone, which is not looked into where nothing is set: what is wrong with it
 * is for the daemon to say. From malloc. */
bool job_file_text(const char *path, const char *const *sets, int set_count, char **text,
                   Error *err);
