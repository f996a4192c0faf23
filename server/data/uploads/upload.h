/* server/data/uploads/upload.h -- files that clients send, piece by piece and over several
 * connections.
 *
 *     DATA/uploads/up_0123456789abcdef        the bytes; the file's size is the offset
 *     DATA/uploads/up_0123456789abcdef.json   length and metadata
 *     DATA/uploads/up_0123456789abcdef.part   of one that comes in one go and is not whole yet
 *
 * DESIGN. An upload survives the death of either side. `offset` counts bytes that are on disk: it
 * moves after an fsync, and what lies behind it after a failure is cut off. The SHA-256 of the
 * bytes is computed as they come; what came before a restart is read again little by little beside
 * the writing. The information is written before the bytes and deleted after them, so that a
 * sudden death leaves either a whole upload, or one of the parts that uploads_open knows to be a
 * remainder; whatever else lies in the folder it moves to lost+found.
 *
 * One writer at a time has an upload; others are told so and not made to wait. Uploads that nobody
 * has written to for a while are deleted, finished or not.
 *
 * Threads  Every call may come from any thread, and may wait for the disk. A writer belongs to one
 *          thread at a time.
 * Errors   ERR_NOT_FOUND: no such upload. ERR_CONFLICT with the reasons "locked" (somebody writes
 *          to it), "offset_mismatch", "upload_incomplete" or "too_many_uploads". ERR_INVALID with
 *          the reason "too_large". ERR_NO_SPACE with the reason "quota_exceeded" or
 *          "insufficient_storage". ERR_IO.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "server/base/files.h"
#include "server/base/log.h"
#include "server/data/quota.h"

enum {
    UPLOAD_ID = 20,          // bytes of "up_0123456789abcdef" with the final NUL
    UPLOAD_METADATA = 4096,  // bytes of metadata, with the final NUL
    UPLOAD_KEY = 256,        // bytes of an idempotency key, with the final NUL
};

typedef struct Uploads Uploads;

typedef struct {
    const char *data;      // folder; borrowed
    int64_t upload_bytes;  // that one upload may have
    int most;              // uploads at a time
    int64_t expire_ms;     // that an upload lives after the last byte came
    Quota *quota;          // borrowed
    Log *log;              // borrowed; may be NULL
} UploadsConfig;

typedef struct {
    char id[UPLOAD_ID];
    int64_t length;  // that it will have; -1: not known yet
    int64_t offset;  // bytes that are on disk
    int64_t created_at, expires_at;
    char sha256[65];                 // "" until it is whole
    bool writing;                    // somebody sends bytes now
    char metadata[UPLOAD_METADATA];  // as the client gave it: "filename d29ybGQ=,is_draft"
    char key[UPLOAD_KEY];            // idempotency key that it was created by; "": none
} UploadInfo;

/* Make the folder if it is not there, and take stock of it. */
bool uploads_open(const UploadsConfig *config, Uploads **uploads, Error *err);
/* Takes NULL. False if a thread still waits for the disk after so many seconds: nothing is freed,
 * the process has to end. */
bool uploads_close(Uploads *uploads, double seconds);

const UploadsConfig *uploads_config(const Uploads *uploads);

typedef struct {
    int64_t length;
    const char *metadata;
    const char *key;  // idempotency key, shorter than UPLOAD_KEY; NULL: none
} UploadRequest;

/* A key makes one upload for as long as that is there: *replayed then, and *info tells how far it
 * is. ERR_CONFLICT, reason "key_reused": that one has another length or other metadata. */
bool uploads_create(Uploads *uploads, const UploadRequest *request, UploadInfo *info,
                    bool *replayed, Error *err);
/* Whether a text is the id of an upload, which need not be there. */
bool upload_id_valid(const char *text);
bool uploads_get(Uploads *uploads, const char *id, UploadInfo *info, Error *err);
/* By their ids, which sort by the time they were made at, but for those that an older daemon has
 * given; from malloc. */
void uploads_list(Uploads *uploads, UploadInfo **list, size_t *count);
bool uploads_delete(Uploads *uploads, const char *id, Error *err);

/* Take a whole upload out of here: its file becomes `path`, by a copy where that is on another
 * disk, and there is no such upload any more. *info tells its length and its SHA-256. Its bytes
 * stay taken from the quota: who deletes the file gives them back. Repeated after a sudden death it
 * answers ERR_NOT_FOUND: look for `path` first. */
bool uploads_take(Uploads *uploads, const char *id, const char *path, UploadInfo *info, Error *err);

/* ---- Writing ---- */

typedef struct UploadWriter UploadWriter;

/* Go on with an upload at `offset`, which must be where it stands. */
bool upload_append(Uploads *uploads, const char *id, int64_t offset, UploadWriter **writer,
                   Error *err);
/* A new upload in one go, `length` -1 if it is not known. It becomes one that others see when it is
 * whole. */
bool upload_start(Uploads *uploads, int64_t length, UploadWriter **writer, Error *err);

/* False: nothing more may be written. What came before it is kept. */
bool upload_write(UploadWriter *writer, const void *bytes, size_t size, Error *err);

/* The end; frees the writer in any case. What was written is on disk, and *info tells how much.
 * upload_start's upload must be whole. False: the upload has what `info->offset` says; one that was
 * started in one go is gone. */
bool upload_finish(UploadWriter *writer, UploadInfo *info, Error *err);
/* The client has gone: keep what came of an upload that can be gone on with, drop one that came in
 * one go. Frees the writer. */
void upload_leave(UploadWriter *writer);
