/* server/data/uploads/upload_private.h -- shared by upload*.c alone.
 *
 *     upload.c          open and close; create, delete, take
 *     upload_list.c     the list of uploads, and who holds one
 *     upload_sweep.c    the thread that lets them expire
 *     upload_files.c    names and the file with an upload's information; the stock at the start
 *     upload_writer.c   the bytes
 *
 * `lock` guards the list and every `info`. An upload whose info.writing is set belongs to the
 * thread that set it: others neither change nor free it. No lock is held while a file is touched.
 */
#pragma once
#include <pthread.h>

#include "core/base/sha256.h"
#include "server/base/threads/timed_thread.h"
#include "server/base/threads/work_signal.h"
#include "server/data/uploads/upload.h"

typedef struct Upload {
    struct Upload *next;
    UploadInfo info;
    bool listed;    // others see it
    double last;    // monotonic second at which it expires; info.expires_at is for people
    int64_t taken;  // bytes from the quota
    Sha256 hash;    // of the first hash.bytes bytes; of its holder
} Upload;

struct Uploads {
    UploadsConfig config;
    Path folder;
    pthread_mutex_t lock;
    Upload *first;  // by their ids
    int count;
    TimedThread sweeper;
    WorkSignal stop;  // for the sweeper
};

/* ---- upload_list.c ---- */

/* A new one that nobody else sees yet, held by the caller; `taken` bytes are taken from the quota.
 * `key` is "" or one that no other upload may have: ERR_CONFLICT, reason "locked". */
bool upload_add(Uploads *uploads, int64_t length, const char *key, Upload **upload, Error *err);
/* Add one that was found on the disk. */
void upload_insert(Uploads *uploads, Upload *upload);
/* The end of one that the caller holds: gives its bytes back to the quota, and frees it. */
void upload_remove(Uploads *uploads, Upload *upload);
/* Find it and hold it. */
bool upload_hold(Uploads *uploads, const char *id, Upload **upload, Error *err);
void upload_let_go(Uploads *uploads, Upload *upload);
void upload_free(Upload *upload);

/* With the lock held: a listed one by its id; the one that was created by this key, listed or not.
 * NULL: there is none. */
Upload *upload_find(const Uploads *uploads, const char *id);
const Upload *upload_find_key(const Uploads *uploads, const char *key);
/* Another request with that key is at work: ERR_CONFLICT, reason "locked". */
bool upload_fail_locked(const char *key, Error *err);

/* With the lock held: it has so long to live from now. */
void upload_lives_on(Upload *upload, int64_t ms);
/* ... as long as one to which bytes have just come. */
void upload_touched(const Uploads *uploads, Upload *upload);

/* ---- upload_sweep.c ---- */

bool upload_sweep_start(Uploads *uploads, Error *err);  // ERR_NO_MEMORY
/* False: the thread has not ended within so many seconds, and still uses everything. */
bool upload_sweep_stop(Uploads *uploads, double seconds);

/* ---- upload_files.c ---- */

Path upload_path(const Uploads *uploads, const char *id, const char *suffix);  // "", ".part"
/* The file with its information, whole or not at all. */
bool upload_info_write(const Uploads *uploads, const UploadInfo *info, Error *err);
/* Delete the bytes, then the information. True if they are gone, or never were. */
bool upload_files_remove(const Uploads *uploads, const char *id, Error *err);
/* Put the folder in order and insert what is there. */
bool upload_files_take_stock(Uploads *uploads, Error *err);
/* A system call failed: ERR_NO_SPACE with a reason, or ERR_IO. */
bool upload_fail(const char *call, const Path *path, Error *err);
