#include "server/cli/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/cli/job_file.h"

static const char EPOCHS_HEADER[] =
    "epoch,step,train_loss,train_accuracy,test_loss,test_accuracy,test_top5_accuracy,"
    "learning_rate,examples_per_second,duration_seconds";
static const char CURVE_HEADER[] = "step,epoch,loss,accuracy,learning_rate";

enum { EPOCH_COLUMNS = sizeof(EpochCsv) / sizeof(double), CURVE_COLUMNS = 5 };

/* ---- Opening ---- */

/* The folder and those it stands in. */
static bool make_folders(const char *dir, Error *err)
{
    char *path = xstrdup(dir);
    bool ok = true;
    for (char *slash = path; ok && slash;) {
        slash = *slash ? strchr(slash + 1, '/') : NULL;
        if (slash)
            *slash = '\0';
        ok = mkdir(path, 0777) == 0 || errno == EEXIST;
        if (!ok)
            fail(err, ERR_IO, "%s: %s", path, strerror(errno));
        if (slash)
            *slash = '/';
    }
    free(path);
    return ok;
}

static bool lock_folder(RunFolder *f, Error *err)
{
    f->lock = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->lock < 0)
        return fail(err, ERR_IO, "%s: %s", f->dir, strerror(errno));
    if (flock(f->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return fail(err, ERR_CONFLICT, "another training is writing to %s", f->dir);
    return fail(err, ERR_IO, "%s cannot be locked: %s", f->dir, strerror(errno));
}

/* The settings that fix what a step is cannot change between two runs. */
static bool can_go_on(const JobSpec *then, const JobSpec *now, const char *dir, Error *err)
{
    const struct {
        const char *name;
        int then, now;
    } numbers[] = {
        {"image_size", then->image_size, now->image_size},
        {"batch_size", then->batch_size, now->batch_size},
        {"train_limit", then->train_limit, now->train_limit},
    };
    if (then->network != now->network)
        return fail(err, ERR_CONFLICT, "%s is of a training of %s, not %s", dir,
                    then->network->name, now->network->name);
    if (strcmp(then->dataset, now->dataset) != 0)
        return fail(err, ERR_CONFLICT, "%s is of a training on %s, not %s", dir, then->dataset,
                    now->dataset);
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (numbers[i].then != numbers[i].now)
            return fail(err, ERR_CONFLICT, "%s is of a training with %s %d, not %d", dir,
                        numbers[i].name, numbers[i].then, numbers[i].now);
    return true;
}

static bool check_job(const RunFolder *f, const JobSpec *spec, Error *err)
{
    if (access(f->job_json, F_OK) != 0)
        return true;  // somebody took it away; the checkpoint is checked by itself
    JobSpec then;
    Faults faults = {0};
    if (job_file_read(f->job_json, NULL, 0, &then, &faults, err)) {
        const bool ok = can_go_on(&then, spec, f->dir, err);
        spec_free(&then);
        return ok;
    }
    if (faults.count > 0)
        fail(err, ERR_INVALID, "%s: %s %s", f->job_json, faults.items[0].pointer,
             faults.items[0].detail);
    return false;
}

static bool write_job(const RunFolder *f, const JobSpec *spec, Error *err)
{
    char *temporary = xasprintf("%s.tmp", f->job_json);
    cJSON *json = spec_to_json(spec);
    char *text = cJSON_Print(json);
    FILE *out = fopen(temporary, "w");
    bool ok = out && fprintf(out, "%s\n", text) > 0;
    ok = out && fclose(out) == 0 && ok;
    ok = ok && rename(temporary, f->job_json) == 0;
    if (!ok)
        fail(err, ERR_IO, "%s: %s", f->job_json, strerror(errno));
    cJSON_free(text);
    cJSON_Delete(json);
    free(temporary);
    return ok;
}

bool run_folder_open(const char *dir, bool resume, const JobSpec *spec, RunFolder *f, Error *err)
{
    *f = (RunFolder){
        .dir = xstrdup(dir),
        .checkpoint = xasprintf("%s/checkpoint.safetensors", dir),
        .model = xasprintf("%s/model.safetensors", dir),
        .epochs_csv = xasprintf("%s/epochs.csv", dir),
        .curve_csv = xasprintf("%s/curve.csv", dir),
        .job_json = xasprintf("%s/job.json", dir),
        .lock = -1,
    };
    if (!make_folders(dir, err) || !lock_folder(f, err))
        return false;
    f->has_checkpoint = access(f->checkpoint, F_OK) == 0;
    if (f->has_checkpoint && !resume)
        return fail(err, ERR_CONFLICT,
                    "%s already has a checkpoint: go on from it with --resume, or choose another "
                    "folder with --out",
                    dir);
    return (!f->has_checkpoint || check_job(f, spec, err)) && write_job(f, spec, err);
}

void run_folder_close(RunFolder *f)
{
    csv_close(f->epochs);
    csv_close(f->curve);
    if (f->dir && f->lock >= 0)
        close(f->lock);
    free(f->dir);
    free(f->checkpoint);
    free(f->model);
    free(f->epochs_csv);
    free(f->curve_csv);
    free(f->job_json);
    *f = (RunFolder){0};
}

/* ---- The tables ---- */

typedef struct {
    void (*row)(void *context, const EpochCsv *row);
    void *context;
} EpochReader;

static void take_row(void *context, const double *values)
{
    const EpochReader *reader = context;
    EpochCsv row;
    memcpy(&row, values, sizeof row);
    reader->row(reader->context, &row);
}

bool run_folder_start(RunFolder *f, const TrainState *state,
                      void (*row)(void *context, const EpochCsv *row), void *context, Error *err)
{
    // state->epoch counts the epochs that were evaluated, even when the batches of one more are
    // done.
    const bool fresh = !f->has_checkpoint;
    EpochReader reader = {row, context};
    return csv_open(f->epochs_csv, EPOCHS_HEADER, fresh ? -1 : state->epoch, &f->epochs, err)
           && csv_open(f->curve_csv, CURVE_HEADER, fresh ? -1 : state->step, &f->curve, err)
           && csv_each(f->epochs_csv, EPOCH_COLUMNS, take_row, &reader, err);
}

bool run_folder_point(RunFolder *f, const TrainEvent *e, Error *err)
{
    const double row[CURVE_COLUMNS] = {(double)e->step, e->epoch_position, e->loss, e->accuracy,
                                       e->learning_rate};
    return csv_write(f->curve, row, CURVE_COLUMNS, err);
}

bool run_folder_epoch(RunFolder *f, const EpochCsv *row, Error *err)
{
    return csv_write(f->epochs, (const double *)row, EPOCH_COLUMNS, err);
}

EpochCsv epoch_row(const TrainEvent *e)
{
    return (EpochCsv){
        .epoch = (double)e->epoch,
        .step = (double)e->step,
        .train_loss = e->loss,
        .train_accuracy = e->accuracy,
        .test_loss = e->test_loss,
        .test_accuracy = e->test_accuracy,
        .test_top5_accuracy = e->test_top5_accuracy,
        .learning_rate = e->learning_rate,
        .examples_per_second = e->examples_per_second,
        .duration_seconds = e->train_seconds + e->test_seconds,
    };
}
