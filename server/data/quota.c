#include "server/data/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "core/base/memory.h"

struct Quota {
    pthread_mutex_t lock;
    int64_t limit, used;
};

Quota *quota_new(int64_t limit)
{
    Quota *quota = xcalloc(1, sizeof *quota);
    pthread_mutex_init(&quota->lock, NULL);
    quota->limit = limit > 0 ? limit : INT64_MAX;
    return quota;
}

void quota_free(Quota *quota)
{
    if (!quota)
        return;
    pthread_mutex_destroy(&quota->lock);
    free(quota);
}

bool quota_take(Quota *quota, int64_t bytes, Error *err)
{
    pthread_mutex_lock(&quota->lock);
    // Below 0 where files went that nobody had counted.
    const int64_t used = quota->used > 0 ? quota->used : 0;
    const int64_t left = quota->limit > used ? quota->limit - used : 0;
    const bool ok = bytes <= left;
    if (ok)
        quota->used += bytes;
    pthread_mutex_unlock(&quota->lock);
    return ok
           || fail_as(err, ERR_NO_SPACE, "quota_exceeded",
                      "data sets and uploads may have %" PRId64 " bytes together and have %" PRId64
                      ": there is no room for %" PRId64 " more",
                      quota->limit, used, bytes);
}

void quota_add(Quota *quota, int64_t bytes)
{
    pthread_mutex_lock(&quota->lock);
    quota->used += bytes;
    pthread_mutex_unlock(&quota->lock);
}

void quota_give_back(Quota *quota, int64_t bytes)
{
    quota_add(quota, -bytes);
}

int64_t quota_used(Quota *quota)
{
    pthread_mutex_lock(&quota->lock);
    const int64_t used = quota->used;
    pthread_mutex_unlock(&quota->lock);
    return used;
}

bool quota_disk_has(const char *folder, int64_t bytes, Error *err)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0)
        return fail(err, ERR_IO, "%s: %s", folder, strerror(errno));
    const uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes >= (uint64_t)bytes + QUOTA_FREE_BYTES)
        return true;
    return fail_as(err, ERR_NO_SPACE, "insufficient_storage",
                   "the disk of %s has %" PRIu64 " bytes left, of which %d are kept for jobs: "
                   "there is no room for %" PRId64 " more",
                   folder, free_bytes, QUOTA_FREE_BYTES, bytes);
}
