#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/data/uploads/upload_private.h"

enum {
    SYNC_BYTES = 32 << 20,   // are forced to disk at a time
    CATCH_UP = 4 << 20,      // bytes of an earlier life hashed again beside each piece
    READ_BYTES = 256 << 10,  // ... read at a time
};

struct UploadWriter {
    Uploads *uploads;
    Upload *upload;
    Path path;
    int fd;
    int64_t at;      // bytes written
    int64_t synced;  // of them on disk: what others see
    bool one_go;
    bool failed;
};

/* ---- Begin ---- */

static UploadWriter *writer_new(Uploads *uploads, Upload *upload, bool one_go)
{
    UploadWriter *w = xcalloc(1, sizeof *w);
    *w = (UploadWriter){.uploads = uploads, .upload = upload, .one_go = one_go};
    w->path = upload_path(uploads, upload->info.id, one_go ? ".part" : "");
    w->fd = open(w->path.text, O_RDWR | O_CLOEXEC | (one_go ? O_CREAT | O_EXCL : 0), 0640);
    w->at = w->synced = upload->info.offset;
    return w;
}

static bool check_offset(const UploadInfo *info, int64_t offset, Error *err)
{
    return info->offset == offset
           || fail_as(err, ERR_CONFLICT, "offset_mismatch",
                      "the upload %s stands at %" PRId64 ", not at %" PRId64, info->id,
                      info->offset, offset);
}

bool upload_append(Uploads *uploads, const char *id, int64_t offset, UploadWriter **writer,
                   Error *err)
{
    Upload *u;
    if (!upload_hold(uploads, id, &u, err))
        return false;
    if (!check_offset(&u->info, offset, err)
        || !quota_disk_has(uploads->folder.text, u->info.length - offset, err)) {
        upload_let_go(uploads, u);
        return false;
    }
    UploadWriter *w = writer_new(uploads, u, false);
    if (w->fd >= 0) {
        *writer = w;
        return true;
    }
    upload_fail("open", &w->path, err);
    free(w);
    upload_let_go(uploads, u);
    return false;
}

bool upload_start(Uploads *uploads, int64_t length, UploadWriter **writer, Error *err)
{
    Upload *u = NULL;
    if (!upload_add(uploads, length, "", &u, err))
        return false;
    UploadWriter *w = writer_new(uploads, u, true);
    if (w->fd >= 0) {
        *writer = w;
        return true;
    }
    upload_fail("create", &w->path, err);
    free(w);
    upload_remove(uploads, u);
    return false;
}

/* ---- The digest ---- */

static Sha256 *hash_of(UploadWriter *w)
{
    Sha256 *hash = &w->upload->hash;
    char unused[65];
    // What was cut off after a failure is not part of it.
    if (hash->context && hash->bytes > (uint64_t)w->at)
        sha256_hex(hash, unused);
    if (!hash->context)
        *hash = sha256_new();
    return hash;
}

/* Hash up to `most` bytes that are in the file and not in the hash. */
static bool hash_from_file(UploadWriter *w, int64_t most, Error *err)
{
    Sha256 *hash = hash_of(w);
    const int64_t left = w->at - (int64_t)hash->bytes,
                  until = left < most ? w->at : w->at - left + most;
    char *piece = left > 0 ? xcalloc(1, READ_BYTES) : NULL;
    bool ok = true;
    while (ok && (int64_t)hash->bytes < until) {
        const int64_t wanted = until - (int64_t)hash->bytes;
        const ssize_t got = pread(w->fd, piece, wanted < READ_BYTES ? (size_t)wanted : READ_BYTES,
                                  (off_t)hash->bytes);
        if (got > 0)
            sha256_add(hash, piece, (size_t)got);
        else if (got == 0 || errno != EINTR)
            ok = upload_fail("read", &w->path, err);
    }
    free(piece);
    return ok;
}

/* ---- Write ---- */

static bool check_room(UploadWriter *w, size_t size, Error *err)
{
    const UploadInfo *info = &w->upload->info;
    const UploadsConfig *config = &w->uploads->config;
    const int64_t most = info->length >= 0 ? info->length : config->upload_bytes,
                  bytes = (int64_t)size;
    if (w->at + bytes > most)
        return fail_as(err, ERR_INVALID, "too_large",
                       "the upload may have %" PRId64 " bytes, and more came", most);
    if (!quota_disk_has(w->uploads->folder.text, bytes, err))
        return false;
    if (info->length >= 0)
        return true;
    if (!quota_take(config->quota, bytes, err))
        return false;
    w->upload->taken += bytes;
    return true;
}

static bool write_all(UploadWriter *w, const char *bytes, size_t size, Error *err)
{
    while (size > 0) {
        const ssize_t n = pwrite(w->fd, bytes, size, (off_t)w->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return upload_fail("write", &w->path, err);
        w->at += n;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static bool sync_bytes(UploadWriter *w, Error *err)
{
    if (w->at == w->synced)
        return true;
    if (fdatasync(w->fd) != 0)
        return upload_fail("fsync", &w->path, err);
    w->synced = w->at;
    pthread_mutex_lock(&w->uploads->lock);
    w->upload->info.offset = w->synced;
    upload_touched(w->uploads, w->upload);
    pthread_mutex_unlock(&w->uploads->lock);
    return true;
}

bool upload_write(UploadWriter *w, const void *bytes, size_t size, Error *err)
{
    const int64_t before = w->at;
    if (w->failed)
        return fail(err, ERR_IO, "%s cannot be written any more", w->path.text);
    w->failed = !check_room(w, size, err) || !write_all(w, bytes, size, err);
    if (w->failed)
        return false;
    Sha256 *hash = &w->upload->hash;
    if (hash->context ? hash->bytes == (uint64_t)before : before == 0)
        sha256_add(hash_of(w), bytes, size);
    else
        w->failed = !hash_from_file(w, CATCH_UP, err);
    w->failed = w->failed || (w->at - w->synced >= SYNC_BYTES && !sync_bytes(w, err));
    return !w->failed;
}

/* ---- The end ---- */

/* What cannot be forced to disk is cut off: it may be there or not. */
static bool settle_bytes(UploadWriter *w, Error *err)
{
    if (sync_bytes(w, err))
        return true;
    if (ftruncate(w->fd, (off_t)w->synced) == 0)
        w->at = w->synced;
    else
        LOG(w->uploads->config.log, LOG_WARNING, "upload_not_cut", log_text("path", w->path.text),
            log_text("error", strerror(errno)));
    return false;
}

static bool write_digest(UploadWriter *w, Error *err)
{
    if (!hash_from_file(w, INT64_MAX, err))
        return false;
    UploadInfo info = w->upload->info;
    info.length = info.offset;
    sha256_hex(hash_of(w), info.sha256);
    const bool written = upload_info_write(w->uploads, &info, err);
    pthread_mutex_lock(&w->uploads->lock);
    w->upload->info.length = info.length;
    memcpy(w->upload->info.sha256, info.sha256, sizeof info.sha256);
    pthread_mutex_unlock(&w->uploads->lock);
    return written;
}

/* One in one go becomes an upload like others. */
static bool publish(UploadWriter *w, Error *err)
{
    Uploads *uploads = w->uploads;
    const UploadInfo *info = &w->upload->info;
    if (info->length >= 0 && w->at != info->length)
        return fail_as(err, ERR_INVALID, "upload_incomplete",
                       "%" PRId64 " bytes came, and %" PRId64 " were to come", w->at, info->length);
    if (!write_digest(w, err))
        return false;
    if (rename(w->path.text, upload_path(uploads, info->id, "").text) != 0)
        return upload_fail("rename", &w->path, err);
    if (!folder_sync(uploads->folder.text, err))
        return false;
    pthread_mutex_lock(&uploads->lock);
    w->upload->listed = true;
    pthread_mutex_unlock(&uploads->lock);
    return true;
}

static void drop(UploadWriter *w)
{
    upload_files_remove(w->uploads, w->upload->info.id, NULL);
    upload_remove(w->uploads, w->upload);
}

bool upload_finish(UploadWriter *w, UploadInfo *info, Error *err)
{
    Error unused = {0};
    bool ok = settle_bytes(w, err);
    if (ok && w->one_go)
        ok = publish(w, err);
    else if (ok && w->at == w->upload->info.length && !w->upload->info.sha256[0]
             && !write_digest(w, &unused))
        LOG(w->uploads->config.log, LOG_WARNING, "upload_without_digest",  // uploads_take makes it
            log_text("upload", w->upload->info.id), log_text("error", unused.message));
    close(w->fd);
    pthread_mutex_lock(&w->uploads->lock);
    *info = w->upload->info;
    info->writing = false;
    pthread_mutex_unlock(&w->uploads->lock);
    if (w->one_go && !ok)
        drop(w);
    else
        upload_let_go(w->uploads, w->upload);
    free(w);
    return ok;
}

void upload_leave(UploadWriter *w)
{
    UploadInfo info;
    Error err = {0};
    Log *const log = w->uploads->config.log;  // w is freed by its end
    if (!w->one_go) {
        if (!upload_finish(w, &info, &err))
            LOG(log, LOG_WARNING, "upload_cut", log_text("upload", info.id),
                log_text("error", err.message));
        return;
    }
    close(w->fd);
    drop(w);
    free(w);
}
