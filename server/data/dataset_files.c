#include "server/data/dataset_files.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/lost_found.h"

static Path path_of(const char *data, int64_t id, const char *name)
{
    Path path;
    char set[ID_TEXT];
    dataset_id_format(id, set);
    snprintf(path.text, sizeof path.text, "%s/datasets/%s%s", data, set, name);
    return path;
}

Path dataset_folder_path(const char *data, int64_t id)
{
    return path_of(data, id, "");
}

Path dataset_source_path(const char *data, int64_t id)
{
    return path_of(data, id, "/source");
}

Path dataset_pixels_path(const char *data, int64_t id)
{
    return path_of(data, id, "/pixels");
}

Path dataset_pixels_report_path(const char *data, int64_t id)
{
    return path_of(data, id, "/pixels/report.json");
}

Path dataset_report_path(const char *data, int64_t id)
{
    return path_of(data, id, "/report.json");
}

bool dataset_folder_make(const char *data, int64_t id, Error *err)
{
    const Path all = data_path(data, "datasets");
    return folder_make(all.text, err) && folder_make(dataset_folder_path(data, id).text, err)
           && folder_sync(all.text, err) && folder_sync(data, err);
}

/* ---- What goes ---- */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* A file, or a folder with all that is in it. */
static bool remove_tree(const char *path, Error *err)
{
    enum { DESCRIPTORS = 16 };
    if (nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return true;
    return fail(err, error_of_system(errno), "remove %s: %s", path, strerror(errno));
}

bool dataset_files_remove(const char *data, int64_t id, Error *err)
{
    return remove_tree(dataset_folder_path(data, id).text, err);
}

/* Everything in the folder whose name begins so. */
static bool remove_named(const char *data, int64_t id, const char *prefix, Error *err)
{
    const Path folder = dataset_folder_path(data, id);
    DIR *dir = opendir(folder.text);
    bool ok = true;
    if (!dir)
        return errno == ENOENT
               || fail(err, error_of_system(errno), "read %s: %s", folder.text, strerror(errno));
    for (const struct dirent *entry; ok && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            ok = remove_tree(path_in(folder.text, entry->d_name).text, err);
    }
    closedir(dir);
    return ok;
}

bool dataset_files_remove_pixels(const char *data, int64_t id, Error *err)
{
    return remove_named(data, id, "pixels", err);
}

bool dataset_files_remove_import(const char *data, int64_t id, Error *err)
{
    return remove_named(data, id, "pixels", err) && remove_named(data, id, "report.json", err);
}

bool dataset_files_remove_source(const char *data, int64_t id, Error *err)
{
    return remove_tree(dataset_source_path(data, id).text, err);
}

/* ---- What is there ---- */

static int64_t bytes_in(const char *path, int depth)
{
    enum { DEEPEST = 4 };
    int64_t bytes = 0;
    struct stat info;
    if (lstat(path, &info) != 0)
        return 0;
    if (!S_ISDIR(info.st_mode))
        return info.st_size;
    DIR *dir = depth < DEEPEST ? opendir(path) : NULL;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (!path_is_dots(entry->d_name))
            bytes += bytes_in(path_in(path, entry->d_name).text, depth + 1);
    }
    if (dir)
        closedir(dir);
    return bytes;
}

int64_t dataset_source_bytes(const char *data, int64_t id)
{
    return bytes_in(dataset_source_path(data, id).text, 0);
}

int64_t dataset_files_bytes(const char *data, int64_t id)
{
    return bytes_in(dataset_folder_path(data, id).text, 0);
}

void dataset_files_each(const char *data, Log *log, void (*visit)(void *context, int64_t id),
                        void *context)
{
    const Path folder = data_path(data, "datasets");
    DIR *dir = opendir(folder.text);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int64_t id;
        if (path_is_dots(entry->d_name))
            continue;
        if (dataset_id_parse(entry->d_name, &id))
            visit(context, id);
        else
            lost_found_take(data, path_in(folder.text, entry->d_name).text, entry->d_name, log);
    }
    closedir(dir);
}

bool dataset_files_none(const char *data)
{
    return folder_lacks(data_path(data, "datasets").text, dataset_id_parse);
}
