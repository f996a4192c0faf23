/* server/data/uploads/upload_list.c -- the list of uploads: who holds one, and what they may take
 * up. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/data/uploads/upload_private.h"

void upload_lives_on(Upload *upload, int64_t ms)
{
    upload->last = clock_seconds() + 1e-3 * (double)ms;
    upload->info.expires_at = time_now_ms() + ms;
}

void upload_touched(const Uploads *uploads, Upload *upload)
{
    upload_lives_on(upload, uploads->config.expire_ms);
}

void upload_free(Upload *upload)
{
    char unused[65];
    if (upload->hash.context)
        sha256_hex(&upload->hash, unused);
    free(upload);
}

/* With the lock held. */
static void link_last(Uploads *uploads, Upload *upload)
{
    Upload **end = &uploads->first;
    while (*end && (*end)->info.created_at <= upload->info.created_at)
        end = &(*end)->next;
    upload->next = *end;
    *end = upload;
    uploads->count++;
}

void upload_insert(Uploads *uploads, Upload *upload)
{
    quota_add(uploads->config.quota, upload->taken);
    pthread_mutex_lock(&uploads->lock);
    link_last(uploads, upload);
    pthread_mutex_unlock(&uploads->lock);
}

static bool check_length(const Uploads *uploads, int64_t length, Error *err)
{
    return length <= uploads->config.upload_bytes
           || fail_as(err, ERR_INVALID, "too_large",
                      "an upload may have %" PRId64 " bytes, this one has %" PRId64,
                      uploads->config.upload_bytes, length);
}

const Upload *upload_find_key(const Uploads *uploads, const char *key)
{
    const Upload *u = key[0] ? uploads->first : NULL;
    while (u && strcmp(u->info.key, key) != 0)
        u = u->next;
    return u;
}

bool upload_fail_locked(const char *key, Error *err)
{
    return fail_as(err, ERR_CONFLICT, "locked",
                   "another request with the idempotency key %s is at work", key);
}

static bool take_place(Uploads *uploads, Upload *upload, Error *err)
{
    pthread_mutex_lock(&uploads->lock);
    const bool room = uploads->count < uploads->config.most,
               taken = upload_find_key(uploads, upload->info.key) != NULL;
    if (room && !taken)
        link_last(uploads, upload);
    pthread_mutex_unlock(&uploads->lock);
    if (taken)
        return upload_fail_locked(upload->info.key, err);
    return room
           || fail_as(err, ERR_CONFLICT, "too_many_uploads",
                      "there are %d uploads, the most that may be: finish or delete one",
                      uploads->config.most);
}

bool upload_add(Uploads *uploads, int64_t length, const char *key, Upload **out, Error *err)
{
    const int64_t bytes = length > 0 ? length : 0;
    uint64_t number;
    if (!check_length(uploads, length, err) || !quota_disk_has(uploads->folder.text, bytes, err))
        return false;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return fail(err, ERR_IO, "no random number for an upload: %s", strerror(errno));
    if (!quota_take(uploads->config.quota, bytes, err))
        return false;
    Upload *u = xcalloc(1, sizeof *u);
    snprintf(u->info.id, sizeof u->info.id, "up_%016" PRIx64, number);
    snprintf(u->info.key, sizeof u->info.key, "%s", key);
    u->info.length = length;
    u->info.created_at = time_now_ms();
    upload_touched(uploads, u);
    u->info.writing = true;
    u->taken = bytes;
    if (take_place(uploads, u, err)) {
        *out = u;
        return true;
    }
    quota_give_back(uploads->config.quota, bytes);
    free(u);
    return false;
}

void upload_remove(Uploads *uploads, Upload *upload)
{
    pthread_mutex_lock(&uploads->lock);
    Upload **place = &uploads->first;
    while (*place != upload)
        place = &(*place)->next;
    *place = upload->next;
    uploads->count--;
    pthread_mutex_unlock(&uploads->lock);
    quota_give_back(uploads->config.quota, upload->taken);
    upload_free(upload);
}

Upload *upload_find(const Uploads *uploads, const char *id)
{
    Upload *u = uploads->first;
    while (u && (!u->listed || strcmp(u->info.id, id) != 0))
        u = u->next;
    return u;
}

bool upload_hold(Uploads *uploads, const char *id, Upload **out, Error *err)
{
    pthread_mutex_lock(&uploads->lock);
    Upload *u = upload_find(uploads, id);
    const bool free_one = u && !u->info.writing;
    if (free_one)
        u->info.writing = true;
    pthread_mutex_unlock(&uploads->lock);
    *out = u;
    if (!u)
        return fail_as(err, ERR_NOT_FOUND, "upload_not_found", "there is no upload %s", id);
    return free_one
           || fail_as(err, ERR_CONFLICT, "locked", "another request works on the upload %s", id);
}

void upload_let_go(Uploads *uploads, Upload *upload)
{
    pthread_mutex_lock(&uploads->lock);
    upload->info.writing = false;
    pthread_mutex_unlock(&uploads->lock);
}
