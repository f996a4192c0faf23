/* server/api/labels.h -- what a client calls a thing and notes about it, and may change later: its
 * name and its metadata.
 *
 * Source   RFC 7396 (JSON Merge Patch).
 */
#pragma once
#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/base/faults.h"

/* The name and the metadata of a merge patch, to be deleted; any other member is a fault. */
cJSON *labels_patch(const cJSON *json, Faults *faults);

/* Name and metadata, the latter stored JSON or NULL, as such a patch leaves them; to be deleted. An
 * empty name is absent. */
cJSON *labels_patched(const char *name, const char *metadata, const cJSON *patch, Faults *faults);

/* Read them by the rules of a job's; `*metadata`, from malloc or NULL, becomes what is stored. With
 * faults nothing changes, and the answer is false. `name` NULL: there is none to read. */
bool labels_read(const cJSON *labels, char *name, size_t size, char **metadata, Faults *faults);
