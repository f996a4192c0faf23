#include "server/data/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/data/upload_private.h"
#include "server/jobs/files/job_files.h"

static const double CLOSE_SECONDS = 0.4;  // that the sweeping thread may take to end

enum { SWEEP_MOST_MS = 60000, SWEEP_LEAST_MS = 100 };

/* ---- The list ---- */

int64_t upload_expiry(const Uploads *uploads, int64_t touched_at)
{
    return touched_at + uploads->config.expire_ms;
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

/* With the lock held. The one that was created by this key, whoever sees it; NULL: there is none.
 */
static const Upload *find_key(const Uploads *uploads, const char *key)
{
    const Upload *u = key[0] ? uploads->first : NULL;
    while (u && strcmp(u->info.key, key) != 0)
        u = u->next;
    return u;
}

static bool fail_locked(const char *key, Error *err)
{
    return fail_as(err, ERR_CONFLICT, "locked",
                   "another request with the idempotency key %s is at work", key);
}

static bool take_place(Uploads *uploads, Upload *upload, Error *err)
{
    pthread_mutex_lock(&uploads->lock);
    const bool room = uploads->count < uploads->config.most,
               taken = find_key(uploads, upload->info.key) != NULL;
    if (room && !taken)
        link_last(uploads, upload);
    pthread_mutex_unlock(&uploads->lock);
    if (taken)
        return fail_locked(upload->info.key, err);
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
    u->info.expires_at = upload_expiry(uploads, u->info.created_at);
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

/* With the lock held. */
static Upload *find(const Uploads *uploads, const char *id)
{
    Upload *u = uploads->first;
    while (u && (!u->listed || strcmp(u->info.id, id) != 0))
        u = u->next;
    return u;
}

bool upload_hold(Uploads *uploads, const char *id, Upload **out, Error *err)
{
    pthread_mutex_lock(&uploads->lock);
    Upload *u = find(uploads, id);
    const bool free_one = u && !u->info.writing;
    if (free_one)
        u->info.writing = true;
    pthread_mutex_unlock(&uploads->lock);
    *out = u;
    if (!u)
        return fail(err, ERR_NOT_FOUND, "there is no upload %s", id);
    return free_one
           || fail_as(err, ERR_CONFLICT, "locked", "another request works on the upload %s", id);
}

void upload_let_go(Uploads *uploads, Upload *upload)
{
    pthread_mutex_lock(&uploads->lock);
    upload->info.writing = false;
    pthread_mutex_unlock(&uploads->lock);
}

/* ---- The thread that lets uploads expire ---- */

/* One that has expired, held; NULL: there is none. */
static Upload *hold_expired(Uploads *uploads, int64_t now)
{
    pthread_mutex_lock(&uploads->lock);
    Upload *u = uploads->first;
    while (u && (!u->listed || u->info.writing || u->info.expires_at > now))
        u = u->next;
    if (u)
        u->info.writing = true;
    pthread_mutex_unlock(&uploads->lock);
    return u;
}

static void expire(Uploads *uploads, Upload *u)
{
    Error err = {0};
    if (upload_files_remove(uploads, u->info.id, &err)) {
        LOG(uploads->config.log, LOG_INFO, "upload_expired", log_text("upload", u->info.id),
            log_int("bytes", u->info.offset));
        upload_remove(uploads, u);
        return;
    }
    LOG(uploads->config.log, LOG_WARNING, "upload_stays", log_text("upload", u->info.id),
        log_text("error", err.message));
    pthread_mutex_lock(&uploads->lock);
    u->info.expires_at = upload_expiry(uploads, time_now_ms());  // tried again then
    u->info.writing = false;
    pthread_mutex_unlock(&uploads->lock);
}

static void *sweep(void *context)
{
    Uploads *uploads = context;
    int64_t period = uploads->config.expire_ms / 4;
    period = period > SWEEP_MOST_MS ? SWEEP_MOST_MS : period;
    period = period < SWEEP_LEAST_MS ? SWEEP_LEAST_MS : period;
    pthread_mutex_lock(&uploads->lock);
    while (!uploads->stop) {
        pthread_mutex_unlock(&uploads->lock);
        for (Upload *u; (u = hold_expired(uploads, time_now_ms()));)
            expire(uploads, u);
        pthread_mutex_lock(&uploads->lock);
        const struct timespec until = clock_after((double)period / 1000);
        int waited = 0;
        while (!uploads->stop && waited != ETIMEDOUT)
            waited = pthread_cond_timedwait(&uploads->changed, &uploads->lock, &until);
    }
    uploads->sweeping = false;
    pthread_cond_broadcast(&uploads->changed);
    pthread_mutex_unlock(&uploads->lock);
    return NULL;
}

static bool start_sweeper(Uploads *uploads)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    uploads->sweeping = pthread_create(&uploads->sweeper, NULL, sweep, uploads) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return uploads->sweeping;
}

static bool stop_sweeper(Uploads *uploads)
{
    const struct timespec until = clock_after(CLOSE_SECONDS);
    pthread_mutex_lock(&uploads->lock);
    uploads->stop = true;
    pthread_cond_broadcast(&uploads->changed);
    int waited = 0;
    while (uploads->sweeping && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&uploads->changed, &uploads->lock, &until);
    const bool ended = !uploads->sweeping;
    pthread_mutex_unlock(&uploads->lock);
    if (ended)
        pthread_join(uploads->sweeper, NULL);
    return ended;
}

/* ---- Open and close ---- */

static void free_all(Uploads *uploads)
{
    for (Upload *u = uploads->first, *next; u; u = next) {
        next = u->next;
        upload_free(u);
    }
    pthread_cond_destroy(&uploads->changed);
    pthread_mutex_destroy(&uploads->lock);
    free(uploads);
}

bool uploads_open(const UploadsConfig *config, Uploads **out, Error *err)
{
    Uploads *uploads = xcalloc(1, sizeof *uploads);
    uploads->config = *config;
    uploads->folder = data_path(config->data, "uploads");
    pthread_mutex_init(&uploads->lock, NULL);
    cond_init_monotonic(&uploads->changed);
    if (upload_files_take_stock(uploads, err)
        && (start_sweeper(uploads)
            || fail(err, ERR_NO_MEMORY, "the thread for uploads cannot be made"))) {
        *out = uploads;
        return true;
    }
    free_all(uploads);
    return false;
}

bool uploads_close(Uploads *uploads)
{
    if (!uploads)
        return true;
    if (!stop_sweeper(uploads))
        return false;
    free_all(uploads);
    return true;
}

const UploadsConfig *uploads_config(const Uploads *uploads)
{
    return &uploads->config;
}

/* ---- Calls ---- */

static bool make_files(Uploads *uploads, UploadInfo *info, Error *err)
{
    const Path path = upload_path(uploads, info->id, "");
    if (info->length == 0) {
        Sha256 none = sha256_new();
        sha256_hex(&none, info->sha256);
    }
    if (!upload_info_write(uploads, info, err))
        return false;
    const int fd = open(path.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return upload_fail("create", &path, err);
    close(fd);
    return folder_sync(uploads->folder.text, err);
}

/* What the key has created already, if anything. */
static bool replay(Uploads *uploads, const UploadRequest *request, UploadInfo *info, bool *replayed,
                   Error *err)
{
    *replayed = false;
    if (!request->key)
        return true;
    pthread_mutex_lock(&uploads->lock);
    const Upload *u = find_key(uploads, request->key);
    const bool listed = u && u->listed;
    if (listed)
        *info = u->info;
    pthread_mutex_unlock(&uploads->lock);
    if (!u)
        return true;
    if (!listed)
        return fail_locked(request->key, err);
    *replayed = info->length == request->length && strcmp(info->metadata, request->metadata) == 0;
    return *replayed
           || fail_as(err, ERR_CONFLICT, "key_reused",
                      "the idempotency key %s was used before for another request", request->key);
}

bool uploads_create(Uploads *uploads, const UploadRequest *request, UploadInfo *info,
                    bool *replayed, Error *err)
{
    Upload *u = NULL;
    if (!replay(uploads, request, info, replayed, err))
        return false;
    if (*replayed)
        return true;
    if (!upload_add(uploads, request->length, request->key ? request->key : "", &u, err))
        return false;
    snprintf(u->info.metadata, sizeof u->info.metadata, "%s", request->metadata);
    if (!make_files(uploads, &u->info, err)) {
        upload_files_remove(uploads, u->info.id, NULL);
        upload_remove(uploads, u);
        return false;
    }
    pthread_mutex_lock(&uploads->lock);
    u->listed = true;
    u->info.writing = false;
    *info = u->info;
    pthread_mutex_unlock(&uploads->lock);
    return true;
}

bool uploads_get(Uploads *uploads, const char *id, UploadInfo *info, Error *err)
{
    pthread_mutex_lock(&uploads->lock);
    const Upload *u = find(uploads, id);
    if (u)
        *info = u->info;
    pthread_mutex_unlock(&uploads->lock);
    return u || fail(err, ERR_NOT_FOUND, "there is no upload %s", id);
}

void uploads_list(Uploads *uploads, UploadInfo **list, size_t *count)
{
    *count = 0;
    pthread_mutex_lock(&uploads->lock);
    *list = xcalloc((size_t)uploads->count + 1, sizeof **list);
    for (const Upload *u = uploads->first; u; u = u->next)
        if (u->listed)
            (*list)[(*count)++] = u->info;
    pthread_mutex_unlock(&uploads->lock);
}

bool uploads_delete(Uploads *uploads, const char *id, Error *err)
{
    Upload *u;
    if (!upload_hold(uploads, id, &u, err))
        return false;
    if (!upload_files_remove(uploads, id, err)) {
        upload_let_go(uploads, u);
        return false;
    }
    upload_remove(uploads, u);
    return folder_sync(uploads->folder.text, err);
}

static bool check_whole(Uploads *uploads, UploadInfo *info, Error *err)
{
    int64_t bytes;
    if (info->offset != info->length)
        return fail_as(err, ERR_CONFLICT, "upload_incomplete",
                       "of the upload %s there are %" PRId64 " of %" PRId64 " bytes", info->id,
                       info->offset, info->length);
    return info->sha256[0]
           || file_digest(upload_path(uploads, info->id, "").text, &bytes, info->sha256, err);
}

/* Its new name is on disk, or it has the old one. */
static bool move_file(const char *from, const char *path, Error *err)
{
    if (rename(from, path) != 0)
        return fail(err, error_of_system(errno), "rename %s to %s: %s", from, path,
                    strerror(errno));
    char *folder = path_folder(path);
    const bool ok = folder_sync(folder, err);
    free(folder);
    if (ok)
        return true;
    rename(path, from);
    return false;
}

bool uploads_take(Uploads *uploads, const char *id, const char *path, UploadInfo *info, Error *err)
{
    Upload *u;
    if (!upload_hold(uploads, id, &u, err))
        return false;
    *info = u->info;
    info->writing = false;
    if (!check_whole(uploads, info, err)
        || !move_file(upload_path(uploads, id, "").text, path, err)) {
        upload_let_go(uploads, u);
        return false;
    }
    upload_files_remove(uploads, id, NULL);  // the information; a remainder goes at the next start
    u->taken = 0;
    upload_remove(uploads, u);
    return true;
}
