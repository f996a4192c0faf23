#include "server/models/model_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/jobs/job.h"
#include "server/jobs/job_files.h"
#include "server/jobs/lost_found.h"

#define INCOMING "new-"
#define ENDING   ".safetensors"

static Path in_folder(const char *folder, const char *name)
{
    Path path;
    const int length = snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path.text)
        path.text[0] = '\0';  // no call finds it
    return path;
}

Path model_folder_path(const char *data, int64_t id)
{
    char name[JOB_ID];
    model_id_format(id, name);
    return in_folder(data_path(data, "models").text, name);
}

Path model_version_path(const char *data, int64_t id, int64_t version)
{
    char name[JOB_ID + sizeof ENDING];
    snprintf(name, sizeof name, "%" PRId64 ENDING, version);
    return in_folder(model_folder_path(data, id).text, name);
}

Path model_incoming_path(const char *data)
{
    char name[40];
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        abort();  // there is no system without it
    snprintf(name, sizeof name, INCOMING "%016" PRIx64 ENDING, number);
    return in_folder(data_path(data, "models").text, name);
}

/* ---- Coming ---- */

static bool copy_bytes(int from, int to, const char *path, Error *err)
{
    enum { PIECE = 1 << 16 };
    char *piece = xcalloc(1, PIECE);
    ssize_t got;
    bool ok = true;
    while (ok && (got = read(from, piece, PIECE)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        for (ssize_t done = 0; ok && got > 0 && done < got;) {
            const ssize_t n = write(to, piece + done, (size_t)(got - done));
            if (n < 0 && errno != EINTR)
                ok = false;
            done += n > 0 ? n : 0;
        }
        ok = ok && got > 0;
    }
    if (!ok)
        fail(err, error_of_system(errno), "copy to %s: %s", path, strerror(errno));
    free(piece);
    return ok;
}

static bool copy(const char *path, const char *to, Error *err)
{
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return fail(err, error_of_system(errno), "open %s: %s", path, strerror(errno));
    const int file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    bool ok = file >= 0 || fail(err, error_of_system(errno), "make %s: %s", to, strerror(errno));
    if (ok) {
        ok = copy_bytes(from, file, to, err);
        if (ok && fsync(file) != 0)
            ok = fail(err, error_of_system(errno), "fsync %s: %s", to, strerror(errno));
        if (close(file) != 0 && ok)
            ok = fail(err, error_of_system(errno), "close %s: %s", to, strerror(errno));
        if (!ok)
            unlink(to);
    }
    close(from);
    return ok;
}

bool model_file_bring(const char *path, const char *to, Error *err)
{
    // The bytes have been on disk since the file got its name.
    if (link(path, to) == 0)
        return true;
    if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP
        || errno == ENOSYS)
        return copy(path, to, err);
    return fail(err, errno == ENOENT ? ERR_NOT_FOUND : error_of_system(errno), "link %s to %s: %s",
                path, to, strerror(errno));
}

bool model_file_place(const char *data, const char *incoming, int64_t id, int64_t version,
                      Error *err)
{
    const Path all = data_path(data, "models"), folder = model_folder_path(data, id);
    const Path path = model_version_path(data, id, version);
    bool ok = folder_make(folder.text, err);
    if (ok && rename(incoming, path.text) != 0)
        ok = fail(err, error_of_system(errno), "rename %s to %s: %s", incoming, path.text,
                  strerror(errno));
    ok = ok && folder_sync(folder.text, err) && folder_sync(all.text, err);
    if (!ok) {
        unlink(path.text);
        rmdir(folder.text);
    }
    return ok;
}

/* ---- Going ---- */

static bool unlink_if_there(const char *path, Error *err)
{
    return unlink(path) == 0 || errno == ENOENT
           || fail(err, error_of_system(errno), "remove %s: %s", path, strerror(errno));
}

bool model_files_remove_version(const char *data, int64_t id, int64_t version, Error *err)
{
    const bool ok = unlink_if_there(model_version_path(data, id, version).text, err);
    rmdir(model_folder_path(data, id).text);  // if it is empty
    return ok;
}

/* "7.safetensors" */
static bool version_of(const char *name, int64_t *version)
{
    char back[JOB_ID + sizeof ENDING];
    char *end;
    errno = 0;
    *version = strtoll(name, &end, 10);
    snprintf(back, sizeof back, "%" PRId64 ENDING, *version);
    return errno == 0 && *version > 0 && strcmp(back, name) == 0;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool model_files_remove(const char *data, int64_t id, Error *err)
{
    const Path folder = model_folder_path(data, id);
    DIR *dir = opendir(folder.text);
    bool ok = true;
    if (!dir)
        return errno == ENOENT
               || fail(err, error_of_system(errno), "read %s: %s", folder.text, strerror(errno));
    for (const struct dirent *entry; ok && (entry = readdir(dir));) {
        int64_t version;
        if (version_of(entry->d_name, &version))
            ok = unlink_if_there(in_folder(folder.text, entry->d_name).text, err);
    }
    closedir(dir);
    if (ok && rmdir(folder.text) != 0 && errno != ENOENT)
        ok = fail(err, error_of_system(errno), "remove %s: %s", folder.text, strerror(errno));
    return ok;
}

/* ---- After a sudden death ---- */

static void settle_folder(const char *data, int64_t id, Log *log, ModelFileVisitor visit,
                          void *context)
{
    const Path folder = model_folder_path(data, id);
    DIR *dir = opendir(folder.text);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int64_t version;
        char model[JOB_ID], name[NAME_MAX + 1];
        if (is_dots(entry->d_name)
            || (version_of(entry->d_name, &version) && visit(context, id, version)))
            continue;
        model_id_format(id, model);
        snprintf(name, sizeof name, "%s.%.200s", model, entry->d_name);
        lost_found_take(data, in_folder(folder.text, entry->d_name).text, name, log);
    }
    closedir(dir);
    rmdir(folder.text);  // if nothing is in it
}

void model_files_settle(const char *data, Log *log, ModelFileVisitor visit, void *context)
{
    const Path all = data_path(data, "models");
    DIR *dir = opendir(all.text);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        const Path path = in_folder(all.text, entry->d_name);
        int64_t id;
        if (is_dots(entry->d_name))
            continue;
        if (model_id_parse(entry->d_name, &id))
            settle_folder(data, id, log, visit, context);
        else if (strncmp(entry->d_name, INCOMING, strlen(INCOMING)) == 0)
            unlink(path.text);
        else
            lost_found_take(data, path.text, entry->d_name, log);
    }
    closedir(dir);
}

static int64_t last_in(const char *path)
{
    int64_t last = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char id[JOB_ID];
        int64_t model;
        const size_t length = strcspn(entry->d_name, ".");  // "model_7.1.safetensors" in lost+found
        if (length >= sizeof id)
            continue;
        snprintf(id, sizeof id, "%.*s", (int)length, entry->d_name);
        if (model_id_parse(id, &model) && model > last)
            last = model;
    }
    closedir(dir);
    return last;
}

int64_t model_files_last(const char *data)
{
    const int64_t here = last_in(data_path(data, "models").text);
    const int64_t there = last_in(data_path(data, "lost+found").text);
    return here > there ? here : there;
}
