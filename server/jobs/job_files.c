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

bool job_files_resume(const char *data, int64_t id, int64_t step, Error *err)
{
    const Path from = job_training_path(data, id, step);
    const Path to = job_trainer_path(data, id);
    if (unlink(to.text) != 0 && errno != ENOENT)
        return fail(err, ERR_IO, "remove %s: %s", to.text, strerror(errno));
    // The trainer replaces its file and never writes into it, so the two names may share it.
    return link(from.text, to.text) == 0 || file_copy(from.text, to.text, err);
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
