/* server/settings/spec_changes.h -- in which settings two jobs differ. */
#pragma once
#include "server/settings/spec.h"

/* "epochs from 10 to 20, optimizer.clip_norm from 0 to 1", to be freed; NULL: in none. Names and
 * metadata do not count. */
char *spec_changes(const JobSpec *then, const JobSpec *now);
