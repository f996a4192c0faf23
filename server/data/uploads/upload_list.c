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

bool upload_id_valid(const char *text)
{
    return strncmp(text, "up_", 3) == 0 && strlen(text) == UPLOAD_ID - 1
           && strspn(text + 3, "0123456789abcdef") == UPLOAD_ID - 4;
}

/* By their ids, with the lock held. */
static void link_in_order(Uploads *uploads, Upload *upload)
{
    Upload **end = &uploads->first;
    while (*end && strcmp((*end)->info.id, upload->info.id) < 0)
        end = &(*end)->next;
    upload->next = *end;
    *end = upload;
    uploads->count++;
}

static bool has_id(const Uploads *uploads, const char *id)
{
    const Upload *u = uploads->first;
    while (u && strcmp(u->info.id, id) != 0)
        u = u->next;
    return u;
}

/* An id that nobody guesses by counting and that sorts by time: milliseconds since 1970, then 20
 * random bits. A page of the list goes on behind an id that is gone. Ids were all random once:
 * those of uploads that are older stand anywhere among them. */
static void give_id(const Uploads *uploads, Upload *upload, uint32_t number)
{
    do
        snprintf(upload->info.id, sizeof upload->info.id, "up_%011" PRIx64 "%05" PRIx32,
                 (uint64_t)upload->info.created_at & 0xfffffffffff, number++ & 0xfffff);
    while (has_id(uploads, upload->info.id));
}

void upload_insert(Uploads *uploads, Upload *upload)
{
    quota_add(uploads->config.quota, upload->taken);
    pthread_mutex_lock(&uploads->lock);
    link_in_order(uploads, upload);
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

static bool is_name(const char *name, int64_t *unused)
{
    *unused = 0;
    return upload_id_valid(name);
}

/* Whether the files of those that others see are where this one's would be written: where a disk is
 * not mounted any more they are not. */
static bool check_folder(Uploads *uploads, Error *err)
{
    pthread_mutex_lock(&uploads->lock);
    const Upload *u = uploads->first;
    while (u && !u->listed)
        u = u->next;
    pthread_mutex_unlock(&uploads->lock);
    return !u || !folder_lacks(uploads->folder.text, is_name)
           || fail(err, ERR_IO,
                   "%s has none of the files of the uploads that there are: is a disk not "
                   "mounted? If they were removed by hand, delete those uploads as well",
                   uploads->folder.text);
}

static bool take_place(Uploads *uploads, Upload *upload, uint32_t number, Error *err)
{
    pthread_mutex_lock(&uploads->lock);
    const bool room = uploads->count < uploads->config.most,
               taken = upload_find_key(uploads, upload->info.key) != NULL;
    if (room && !taken) {
        give_id(uploads, upload, number);
        link_in_order(uploads, upload);
    }
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
    uint32_t number;
    if (!check_length(uploads, length, err) || !check_folder(uploads, err)
        || !quota_disk_has(uploads->folder.text, bytes, err))
        return false;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return fail(err, ERR_IO, "no random number for an upload: %s", strerror(errno));
    if (!quota_take(uploads->config.quota, bytes, err))
        return false;
    Upload *u = xcalloc(1, sizeof *u);
    snprintf(u->info.key, sizeof u->info.key, "%s", key);
    u->info.length = length;
    u->info.created_at = time_now_ms();
    upload_touched(uploads, u);
    u->info.writing = true;
    u->taken = bytes;
    if (take_place(uploads, u, number, err)) {
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
