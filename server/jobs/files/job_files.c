#include "server/jobs/files/job_files.h"

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

#include "core/base/files/file_read.h"
#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/jobs/files/lost_found.h"

Path data_path(const char *data, const char *name)
{
    return path_in(data, name);
}

Path job_folder(const char *data, int64_t id)
{
    Path path;
    char name[ID_TEXT];
    job_id_format(id, name);
    snprintf(path.text, sizeof path.text, "%s/jobs/%s", data, name);
    return path;
}

static const char INIT[] = "init.safetensors";

Path job_init_path(const char *data, int64_t id)
{
    Path path;
    char job[ID_TEXT];
    job_id_format(id, job);
    snprintf(path.text, sizeof path.text, "%s/jobs/%s/%s", data, job, INIT);
    return path;
}

bool job_files_begin(const char *data, int64_t id, const char *path, Error *err)
{
    const Path folder = job_folder(data, id), init = job_init_path(data, id);
    return folder_make(folder.text, err) && file_link(path, init.text, err)
           && folder_sync(folder.text, err) && folder_sync(data_path(data, "jobs").text, err);
}

static Path file_of_step(const char *data, int64_t id, int64_t step, const char *kind)
{
    Path path;
    char job[ID_TEXT], name[ID_TEXT];
    job_id_format(id, job);
    checkpoint_id_format(step, name);
    snprintf(path.text, sizeof path.text, "%s/jobs/%s/%s.%s", data, job, name, kind);
    return path;
}

Path job_trainer_path(const char *data, int64_t id)
{
    Path path;
    char job[ID_TEXT];
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

/* ---- What goes ---- */

typedef enum {
    FILE_OTHER,       // not ours
    FILE_UNFINISHED,  // was being written when the daemon died
    FILE_SCRATCH,     // the trainer's own, of which the store has a copy
    FILE_INIT,
    FILE_CHECKPOINT,
} FileKind;

static FileKind kind_of(const char *name, int64_t *step)
{
    static const char *const KINDS[] = {".training.safetensors", ".model.safetensors"};
    static const char SCRATCH[] = "training.safetensors";
    static const char UNFINISHED[] = ".safetensors.tmp";
    char id[ID_TEXT];
    const char *end = strstr(name, UNFINISHED);
    const bool scratch = strncmp(name, SCRATCH, strlen(SCRATCH)) == 0;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(name, "."), name);
    const bool of_step = checkpoint_id_parse(id, step);
    if (end && (scratch || of_step))
        return FILE_UNFINISHED;
    if (strcmp(name, INIT) == 0)
        return FILE_INIT;
    if (strcmp(name, SCRATCH) == 0)
        return FILE_SCRATCH;
    for (size_t i = 0; of_step && i < COUNT(KINDS); i++) {
        if (strcmp(name + strlen(id), KINDS[i]) == 0)
            return FILE_CHECKPOINT;
    }
    return FILE_OTHER;
}

bool job_files_remove_checkpoint(const char *data, int64_t id, int64_t step, Error *err)
{
    return file_remove(job_training_path(data, id, step).text, err)
           && file_remove(job_model_path(data, id, step).text, err);
}

static void take_to_lost_found(const char *data, int64_t id, const char *name, Log *log)
{
    char job[ID_TEXT];
    job_id_format(id, job);
    const int room = NAME_MAX - (int)strlen(job) - 1;
    char *new_name = xasprintf("%s.%.*s", job, room, name);
    lost_found_take(data, path_in(job_folder(data, id).text, name).text, new_name, log);
    free(new_name);
}

/* What a visitor does with one file of a job's folder. False, with *err, ends the round. */
typedef struct {
    const char *data;
    int64_t id;
    const int64_t *steps;  // of the checkpoints that stay
    size_t count;
    bool all;  // nothing stays
    Log *log;
} Round;

static bool stays(const Round *round, int64_t step)
{
    for (size_t i = 0; i < round->count; i++) {
        if (round->steps[i] == step)
            return true;
    }
    return false;
}

static bool visit_file(const Round *round, const char *name, Error *err)
{
    int64_t step = 0;
    const Path folder = job_folder(round->data, round->id);
    const FileKind kind = kind_of(name, &step);
    if (kind == FILE_UNFINISHED || (round->all && kind != FILE_OTHER))
        return file_remove(path_in(folder.text, name).text, err);
    if (round->all || (kind == FILE_CHECKPOINT && !stays(round, step)))
        take_to_lost_found(round->data, round->id, name, round->log);
    return true;
}

static bool visit_folder(const Round *round, Error *err)
{
    const Path folder = job_folder(round->data, round->id);
    DIR *dir = opendir(folder.text);
    if (!dir)
        return errno == ENOENT
               || fail(err, error_of_system(errno), "open %s: %s", folder.text, strerror(errno));
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(dir));) {
        if (!path_is_dots(entry->d_name))
            ok = visit_file(round, entry->d_name, err);
    }
    closedir(dir);
    return ok;
}

bool job_files_remove(const char *data, int64_t id, Log *log, Error *err)
{
    const Round round = {.data = data, .id = id, .all = true, .log = log};
    const Path folder = job_folder(data, id);
    if (!visit_folder(&round, err))
        return false;
    // What is left then is not ours, and could not be moved, as from another mount: it stays.
    return rmdir(folder.text) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST
           || fail(err, error_of_system(errno), "remove %s: %s", folder.text, strerror(errno));
}

void job_files_settle(const char *data, int64_t id, const int64_t *steps, size_t count, Log *log)
{
    const Round round = {.data = data, .id = id, .steps = steps, .count = count, .log = log};
    visit_folder(&round, NULL);
}

void job_files_set_aside(const char *data, int64_t id, int64_t step, Log *log)
{
    const Path paths[] = {job_training_path(data, id, step), job_model_path(data, id, step)};
    for (size_t i = 0; i < COUNT(paths); i++) {
        if (access(paths[i].text, F_OK) == 0)
            take_to_lost_found(data, id, strrchr(paths[i].text, '/') + 1, log);
    }
}

void job_files_each(const char *data, void (*visit)(void *context, int64_t id), void *context)
{
    DIR *dir = opendir(data_path(data, "jobs").text);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int64_t id;
        if (job_id_parse(entry->d_name, &id))
            visit(context, id);
    }
    closedir(dir);
}

bool job_files_away(const char *data, int64_t id)
{
    return file_is_gone(job_folder(data, id).text)
           && folder_lacks(data_path(data, "jobs").text, job_id_parse);
}

JobsFolder jobs_folder(const char *data)
{
    struct stat info;
    if (stat(data_path(data, "jobs").text, &info) != 0)
        return (JobsFolder){0};
    return (JobsFolder){(uint64_t)info.st_dev, (uint64_t)info.st_ino};
}

bool jobs_folder_same(JobsFolder a, JobsFolder b)
{
    return a.inode != 0 && a.device == b.device && a.inode == b.inode;
}
