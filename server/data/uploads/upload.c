#include "server/data/uploads/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "server/data/uploads/upload_private.h"
#include "server/jobs/files/job_files.h"

/* ---- Open and close ---- */

static void free_all(Uploads *uploads)
{
    for (Upload *u = uploads->first, *next; u; u = next) {
        next = u->next;
        upload_free(u);
    }
    pthread_mutex_destroy(&uploads->lock);
    free(uploads);
}

bool uploads_open(const UploadsConfig *config, Uploads **out, Error *err)
{
    Uploads *uploads = xcalloc(1, sizeof *uploads);
    uploads->config = *config;
    uploads->folder = data_path(config->data, "uploads");
    pthread_mutex_init(&uploads->lock, NULL);
    if (upload_files_take_stock(uploads, err) && upload_sweep_start(uploads, err)) {
        *out = uploads;
        return true;
    }
    free_all(uploads);
    return false;
}

bool uploads_close(Uploads *uploads, double seconds)
{
    if (!uploads)
        return true;
    if (!upload_sweep_stop(uploads, seconds))
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
    const Upload *u = upload_find_key(uploads, request->key);
    const bool listed = u && u->listed;
    if (listed)
        *info = u->info;
    pthread_mutex_unlock(&uploads->lock);
    if (!u)
        return true;
    if (!listed)
        return upload_fail_locked(request->key, err);
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
    const Upload *u = upload_find(uploads, id);
    if (u)
        *info = u->info;
    pthread_mutex_unlock(&uploads->lock);
    return u || fail_as(err, ERR_NOT_FOUND, "upload_not_found", "there is no upload %s", id);
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

/* The file gets a new name, or another disk a copy of it, whole or not at all. */
static bool give_name(const char *from, const char *path, Error *err)
{
    if (rename(from, path) == 0)
        return true;
    if (errno != EXDEV)
        return fail(err, error_of_system(errno), "rename %s to %s: %s", from, path,
                    strerror(errno));
    char *copy = xasprintf("%s.tmp", path);
    bool ok = file_link(from, copy, err);
    if (ok && rename(copy, path) != 0)
        ok = fail(err, error_of_system(errno), "rename %s to %s: %s", copy, path, strerror(errno));
    if (!ok)
        unlink(copy);
    free(copy);
    return ok;
}

/* Its new name is on disk, or it has the old one. */
static bool move_file(const char *from, const char *path, Error *err)
{
    if (!give_name(from, path, err))
        return false;
    char *folder = path_folder(path);
    const bool ok = folder_sync(folder, err);
    free(folder);
    if (ok)
        return true;
    if (rename(path, from) != 0)
        unlink(path);  // a copy
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
