#include "server/models/model_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/lost_found.h"

#define INCOMING "new-"
#define ENDING   ".safetensors"

Path model_folder_path(const char *data, int64_t id)
{
    char name[ID_TEXT];
    model_id_format(id, name);
    return path_in(data_path(data, "models").text, name);
}

Path model_version_path(const char *data, int64_t id, int64_t version)
{
    char name[ID_TEXT + sizeof ENDING];
    snprintf(name, sizeof name, "%" PRId64 ENDING, version);
    return path_in(model_folder_path(data, id).text, name);
}

bool model_incoming_path(const char *data, Path *path, Error *err)
{
    char name[40];
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return fail(err, ERR_IO, "no random number for a model's file: %s", strerror(errno));
    snprintf(name, sizeof name, INCOMING "%016" PRIx64 ENDING, number);
    *path = path_in(data_path(data, "models").text, name);
    return true;
}

/* ---- Coming ---- */

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

bool model_file_open_stored(const char *path, const ModelHints *hints, ModelFile *file, Error *err)
{
    Error why = {0};
    if (model_file_open(path, hints, file, &why))
        return true;
    if (why.code == ERR_INVALID)
        return fail_as(err, ERR_DAMAGED, "file_damaged", "%s", why.message);
    return fail_with(err, &why);
}

/* ---- Going ---- */

bool model_files_remove_version(const char *data, int64_t id, int64_t version, Error *err)
{
    const bool ok = file_remove(model_version_path(data, id, version).text, err);
    rmdir(model_folder_path(data, id).text);  // if it is empty
    return ok;
}

/* "7.safetensors" */
static bool version_of(const char *name, int64_t *version)
{
    char back[ID_TEXT + sizeof ENDING];
    char *end;
    errno = 0;
    *version = strtoll(name, &end, 10);
    snprintf(back, sizeof back, "%" PRId64 ENDING, *version);
    return errno == 0 && *version > 0 && strcmp(back, name) == 0;
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
            ok = file_remove(path_in(folder.text, entry->d_name).text, err);
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
        char model[ID_TEXT], name[NAME_MAX + 1];
        if (path_is_dots(entry->d_name)
            || (version_of(entry->d_name, &version) && visit(context, id, version)))
            continue;
        model_id_format(id, model);
        snprintf(name, sizeof name, "%s.%.200s", model, entry->d_name);
        lost_found_take(data, path_in(folder.text, entry->d_name).text, name, log);
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
        const Path path = path_in(all.text, entry->d_name);
        int64_t id;
        if (path_is_dots(entry->d_name))
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
