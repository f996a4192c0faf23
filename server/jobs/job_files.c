#include "server/jobs/job_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/jobs/job.h"
#include "server/jobs/sha256.h"

enum { PIECE = 1 << 16 };  // bytes read at a time

/* ---- Names ---- */

Path job_folder(const char *data, int64_t id)
{
    Path path;
    char name[JOB_ID];
    job_id_format(id, name);
    snprintf(path.text, sizeof path.text, "%s/jobs/%s", data, name);
    return path;
}

static Path file_of_step(const char *data, int64_t id, int64_t step, const char *kind)
{
    Path path;
    char job[JOB_ID], name[JOB_ID];
    job_id_format(id, job);
    checkpoint_id_format(step, name);
    snprintf(path.text, sizeof path.text, "%s/jobs/%s/%s.%s", data, job, name, kind);
    return path;
}

Path job_trainer_path(const char *data, int64_t id)
{
    Path path;
    char job[JOB_ID];
    job_id_format(id, job);
    snprintf(path.text, sizeof path.text, "%s/jobs/%s/training.safetensors", data, job);
    return path;
}

Path job_training_path(const char *data, int64_t id, int64_t step)
{
    return file_of_step(data, id, step, "training.safetensors");
}

Path job_model_path(const char *data, int64_t id, int64_t step)
{
    return file_of_step(data, id, step, "model.safetensors");
}

/* ---- Folders ---- */

bool folder_make(const char *path, Error *err)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return true;
    return fail(err, ERR_IO, "make folder %s: %s", path, strerror(errno));
}

bool folder_sync(const char *path, Error *err)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, ERR_IO, "open folder %s: %s", path, strerror(errno));
    const bool ok = fsync(fd) == 0 || fail(err, ERR_IO, "fsync %s: %s", path, strerror(errno));
    close(fd);
    return ok;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

bool folder_remove(const char *path, Error *err)
{
    // FTW_PHYS: a link is removed, not followed.
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return true;
    return fail(err, ERR_IO, "remove %s: %s", path, strerror(errno));
}

/* ---- Files ---- */

static bool copy_bytes(int from, int to)
{
    char *piece = xcalloc(1, PIECE);
    ssize_t got = 0;
    bool ok = true;
    while (ok && (got = read(from, piece, PIECE)) > 0) {
        for (ssize_t done = 0; ok && done < got;) {
            const ssize_t put = write(to, piece + done, (size_t)(got - done));
            ok = put > 0;
            done += put;
        }
    }
    free(piece);
    return ok && got == 0;
}

static bool copy_file(const char *from, const char *to, Error *err)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    const int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool ok = out >= 0 && copy_bytes(in, out) && fsync(out) == 0;
    if (!ok)
        fail(err, ERR_IO, "copy %s to %s: %s", from, to, strerror(errno));
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && ok)
        ok = fail(err, ERR_IO, "close %s: %s", to, strerror(errno));
    return ok;
}

bool job_files_resume(const char *data, int64_t id, int64_t step, Error *err)
{
    const Path from = job_training_path(data, id, step);
    const Path to = job_trainer_path(data, id);
    if (unlink(to.text) != 0 && errno != ENOENT)
        return fail(err, ERR_IO, "remove %s: %s", to.text, strerror(errno));
    // The trainer replaces its file and never writes into it, so the two names may share it.
    return link(from.text, to.text) == 0 || copy_file(from.text, to.text, err);
}

bool file_digest(const char *path, int64_t *bytes, char sha256[65], Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, ERR_IO, "open %s: %s", path, strerror(errno));
    char *piece = xcalloc(1, PIECE);
    Sha256 hash = sha256_new();
    ssize_t got;
    while ((got = read(fd, piece, PIECE)) > 0)
        sha256_add(&hash, piece, (size_t)got);
    const bool ok = got == 0 || fail(err, ERR_IO, "read %s: %s", path, strerror(errno));
    *bytes = (int64_t)hash.bytes;
    sha256_hex(&hash, sha256);
    free(piece);
    close(fd);
    return ok;
}

/* ---- What is not needed any more ---- */

/* The step in "step_<n>.<kind>"; false for other names. */
static bool step_of_name(const char *name, int64_t *step)
{
    char id[JOB_ID];
    const size_t length = strcspn(name, ".");
    if (length >= sizeof id)
        return false;
    snprintf(id, sizeof id, "%.*s", (int)length, name);
    return checkpoint_id_parse(id, step);
}

static bool is_kept(int64_t step, const int64_t *keep, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keep[i] == step)
            return true;
    }
    return false;
}

void job_files_prune(const char *data, int64_t id, const int64_t *keep, size_t count)
{
    const Path folder = job_folder(data, id);
    DIR *dir = opendir(folder.text);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int64_t step;
        const char *dot = strrchr(entry->d_name, '.');
        const bool unfinished = dot && strcmp(dot, ".tmp") == 0;
        if (unfinished || (step_of_name(entry->d_name, &step) && !is_kept(step, keep, count)))
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

void job_files_sweep(const char *data, bool (*exists)(void *context, int64_t id), void *context)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/jobs", data);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int64_t id;
        if (job_id_parse(entry->d_name, &id) && !exists(context, id))
            folder_remove(job_folder(data, id).text, NULL);
    }
    closedir(dir);
}
