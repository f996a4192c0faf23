/* server/data/quota.h -- how many bytes data sets and uploads may have together.
 *
 * Whoever is about to write takes bytes first and gives back what he did not need or has deleted.
 * A limit that was lowered below what is there deletes nothing: nothing new comes in.
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"

/* What is left on the disk for everything else, the jobs' checkpoints before all. */
enum { QUOTA_FREE_BYTES = 64 << 20 };

typedef struct Quota Quota;

Quota *quota_new(int64_t limit);  // bytes; 0: none
void quota_free(Quota *quota);    // takes NULL

/* ERR_NO_SPACE with the reason "quota_exceeded": there is no room for so many more. */
bool quota_take(Quota *quota, int64_t bytes, Error *err);
/* The same for what is there already, found at the start: never refused. */
void quota_add(Quota *quota, int64_t bytes);
void quota_give_back(Quota *quota, int64_t bytes);
int64_t quota_used(Quota *quota);

/* Does the disk of `folder` hold so many bytes more, and QUOTA_FREE_BYTES besides? ERR_NO_SPACE. */
bool quota_disk_has(const char *folder, int64_t bytes, Error *err);
