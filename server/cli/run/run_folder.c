#include "server/cli/run/run_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/atomic_file.h"
#include "core/base/files/lock.h"
#include "core/base/memory.h"
#include "server/base/files.h"
#include "server/cli/job_file.h"
#include "server/settings/spec_changes.h"

enum { NEW, CURRENT, PREVIOUS };

/* ---- Opening ---- */

/* The folder and those it stands in. *made: the bytes of `dir` that name the outermost one that was
 * not there; 0: all were. */
static bool make_folders(const char *dir, size_t *made, Error *err)
{
    char *path = xstrdup(dir);
    bool ok = true;
    for (char *slash = path; ok && slash;) {
        slash = *slash ? strchr(slash + 1, '/') : NULL;
        if (slash)
            *slash = '\0';
        const bool is_new = mkdir(path, 0777) == 0;
        ok = is_new || errno == EEXIST;
        if (is_new && *made == 0)
            *made = strlen(path);
        if (slash)
            *slash = '/';
    }
    free(path);
    struct stat info;
    if (ok && stat(dir, &info) == 0 && !S_ISDIR(info.st_mode)) {
        ok = false;
        errno = ENOTDIR;
    }
    return ok || fail(err, ERR_IO, "%s: %s", dir, strerror(errno));
}

/* What was made and is empty, from the innermost one outwards. */
static void remove_empty(char *dir, size_t made)
{
    for (size_t length = strlen(dir); made > 0 && length >= made; length--) {
        // The name of a folder ends here: "a/b", "a//b/".
        const bool ends = dir[length - 1] != '/' && (dir[length] == '/' || !dir[length]);
        dir[length] = '\0';
        if (ends)
            rmdir(dir);
    }
}

static bool lock_folder(RunFolder *f, Error *err)
{
    f->lock = lock_take(f->dir, 0, err);
    if (f->lock < 0 && err->code == ERR_CONFLICT)
        return fail(err, ERR_CONFLICT, "another training is writing to %s", f->dir);
    return f->lock >= 0;
}

/* A pipe or a device under one of our names would be waited for, or read without end; a folder
 * would be in the way of what has been trained by then. */
static bool check_files(const char *dir, Error *err)
{
    static const char *const NAMES[] = {"job.json",
                                        "kernels.txt",
                                        "epochs.csv",
                                        "epochs.csv.tmp",
                                        "curve.csv",
                                        "curve.csv.tmp",
                                        "checkpoint.new.safetensors",
                                        "checkpoint.safetensors",
                                        "checkpoint.previous.safetensors",
                                        "best.safetensors",
                                        "model.safetensors"};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        struct stat info;
        const Path path = path_in(dir, NAMES[i]);
        if (stat(path.text, &info) == 0 && !S_ISREG(info.st_mode))
            return fail(err, ERR_INVALID, "%s is not a file", path.text);
    }
    return true;
}

/* The settings that fix what a step is, and on what the best epoch is measured, cannot change
 * between two runs. */
static bool can_go_on(const JobSpec *then, const JobSpec *now, const char *dir, Error *err)
{
    const struct {
        const char *name;
        double then, now;
    } numbers[] = {
        {"image_size", then->image_size, now->image_size},
        {"batch_size", then->batch_size, now->batch_size},
        {"train_limit", then->train_limit, now->train_limit},
        {"test_limit", then->test_limit, now->test_limit},
        {"validation_split", then->validation_split, now->validation_split},
    };
    if (then->network != now->network)
        return fail(err, ERR_CONFLICT, "%s is of a training of %s, not %s", dir,
                    then->network->name, now->network->name);
    // A set that was moved is the same: the checkpoint knows the digest of its pictures.
    const bool by_digest = strchr(then->dataset, '/') && *now->set.digest;
    if (!by_digest && strcmp(then->dataset, now->dataset) != 0)
        return fail(err, ERR_CONFLICT, "%s is of a training on %s, not %s", dir, then->dataset,
                    now->dataset);
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (numbers[i].then != numbers[i].now)
            return fail(err, ERR_CONFLICT, "%s is of a training with %s %.15g, not %.15g", dir,
                        numbers[i].name, numbers[i].then, numbers[i].now);
    return true;
}

static bool check_job(RunFolder *f, const JobSpec *spec, Error *err)
{
    if (access(f->job_json, F_OK) != 0)
        return true;  // somebody deleted it; the checkpoint is checked by itself
    JobSpec then;
    Faults faults = {0};
    if (job_file_read(f->job_json, NULL, 0, &then, &faults, err)) {
        const bool ok = can_go_on(&then, spec, f->dir, err);
        f->dataset_moved = strcmp(then.dataset, spec->dataset) != 0;
        f->changes = spec_changes(&then, spec);
        spec_free(&then);
        return ok;
    }
    if (faults.count > 0)
        fail(err, ERR_INVALID, "%s: %s %s", f->job_json, faults.items[0].pointer,
             faults.items[0].detail);
    return false;
}

/* Without a checkpoint a model is somebody's, to start from perhaps, and not ours to replace. */
static bool check_models(const RunFolder *f, Error *err)
{
    const char *const paths[] = {f->model, f->best};
    for (size_t i = 0; i < COUNT(paths); i++)
        if (access(paths[i], F_OK) == 0)
            return fail(err, ERR_CONFLICT,
                        "%s is there already, without a checkpoint to go on from: choose another "
                        "folder with --out",
                        paths[i]);
    return true;
}

bool run_folder_open(const char *dir, bool resume, const JobSpec *spec, RunFolder *f, Error *err)
{
    *f = (RunFolder){
        .dir = xstrdup(dir),
        .checkpoints = {[NEW] = xasprintf("%s/checkpoint.new.safetensors", dir),
                        [CURRENT] = xasprintf("%s/checkpoint.safetensors", dir),
                        [PREVIOUS] = xasprintf("%s/checkpoint.previous.safetensors", dir)},
        .model = xasprintf("%s/model.safetensors", dir),
        .best = xasprintf("%s/best.safetensors", dir),
        .job_json = xasprintf("%s/job.json", dir),
        .kernels = xasprintf("%s/kernels.txt", dir),
        .lock = -1,
    };
    if (!make_folders(dir, &f->made, err) || !lock_folder(f, err) || !check_files(dir, err))
        return false;
    for (int i = 0; i < RUN_CHECKPOINTS; i++)
        f->has_checkpoint = f->has_checkpoint || access(f->checkpoints[i], F_OK) == 0;
    if (f->has_checkpoint && !resume)
        return fail(err, ERR_CONFLICT,
                    "%s already has a checkpoint: go on from it with --resume, or choose another "
                    "folder with --out",
                    dir);
    return f->has_checkpoint ? check_job(f, spec, err) : check_models(f, err);
}

void run_folder_close(RunFolder *f)
{
    const int lock = f->dir ? f->lock : -1;
    if (f->dir)
        remove_empty(f->dir, f->made);
    if (lock >= 0)
        close(lock);
    for (int i = 0; i < RUN_CHECKPOINTS; i++)
        free(f->checkpoints[i]);
    free(f->dir);
    free(f->model);
    free(f->best);
    free(f->job_json);
    free(f->kernels);
    free(f->changes);
    *f = (RunFolder){0};
}

/* ---- Writing ---- */

static bool write_job(const RunFolder *f, const JobSpec *spec, Error *err)
{
    cJSON *json = spec_to_json(spec);
    char *text = cJSON_Print(json);
    char *lines = xasprintf("%s\n", text);
    const bool ok = atomic_file_save(f->job_json, lines, strlen(lines), err);
    free(lines);
    cJSON_free(text);
    cJSON_Delete(json);
    return ok;
}

bool run_folder_kernels(RunFolder *f, const char *record, Error *err)
{
    return atomic_file_save(f->kernels, record, strlen(record), err);
}

static bool move(const char *from, const char *to, Error *err)
{
    return rename(from, to) == 0 || errno == ENOENT
           || fail(err, ERR_IO, "rename %s to %s: %s", from, to, strerror(errno));
}

const char *run_folder_checkpoint_path(const RunFolder *f)
{
    return f->checkpoints[NEW];
}

bool run_folder_checkpoint(RunFolder *f, Error *err)
{
    // One that is damaged, or came from a training that was not resumed, does not replace a good
    // one.
    if (f->current_is_whole && !move(f->checkpoints[CURRENT], f->checkpoints[PREVIOUS], err))
        return false;
    f->current_is_whole = true;
    return move(f->checkpoints[NEW], f->checkpoints[CURRENT], err) && folder_sync(f->dir, err);
}

bool run_folder_begin(RunFolder *f, const JobSpec *spec, const char *resumed, bool done, Error *err)
{
    const bool keeps_job = done && access(f->job_json, F_OK) == 0;
    f->current_is_whole = resumed && strcmp(resumed, f->checkpoints[PREVIOUS]) != 0;
    const bool is_new = resumed && strcmp(resumed, f->checkpoints[NEW]) == 0;
    return (!is_new || run_folder_checkpoint(f, err)) && (keeps_job || write_job(f, spec, err));
}
