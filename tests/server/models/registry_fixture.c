#include "tests/server/models/registry_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/train/files/checkpoint.h"
#include "core/train/init.h"
#include "server/jobs/files/job_files.h"
#include "server/models/models_register.h"
#include "tests/check.h"

static void registry_open(RegistryFixture *f)
{
    const ModelsConfig config = {
        .data = f->jobs.scratch.path, .max_versions = 6, .jobs = f->jobs.jobs};
    CHECK_OK(models_open(&config, &f->models, &f->err), f->err);
}

int registry_set_up(void **state)
{
    RegistryFixture *f = xcalloc(1, sizeof *f);
    f->jobs.scratch = scratch_new();
    jobs_reopen(&f->jobs);
    registry_open(f);
    *state = f;
    return 0;
}

int registry_tear_down(void **state)
{
    RegistryFixture *f = *state;
    models_close(f->models);
    jobs_close(f->jobs.jobs);
    scratch_free(&f->jobs.scratch);
    free(f);
    return 0;
}

void registry_reopen(RegistryFixture *f)
{
    models_close(f->models);
    jobs_reopen(&f->jobs);
    registry_open(f);
}

const char *const TINY_CLASSES[] = {"coat", "bag"};
const ModelInfo TINY = {.network = "googlenet_tiny",
                        .channels = 1,
                        .image_size = 32,
                        .classes = 2,
                        .class_names = TINY_CLASSES,
                        .normalization = {1, {0.25}, {0.5}},
                        .picture = {1, 28, FIT_PAD, FILTER_BICUBIC},
                        .dataset = "clothes"};

void save_model(const char *path, const ModelInfo *info, uint64_t seed)
{
    Error err = {0};
    const Model *model = models_find("googlenet_tiny");
    Graph *g = model_graph_with(model, (Shape){1, 32, 32}, (ModelOptions){.classes = 2}, &err);
    ParamStore *params;
    assert_non_null(g);
    CHECK_OK(params_new(g, &params, &err), err);
    init_params(params, init_rule(model->weights), seed);
    CHECK_OK(model_save(path, params, info, &err), err);
    params_free(params);
    graph_free(g);
}

static void record_checkpoint(RegistryFixture *f, Run *run, int64_t step, bool best)
{
    const int64_t id = run_job(run)->id;
    const char *data = f->jobs.scratch.path;
    CheckpointRow row = {.step = step,
                         .epoch = step / 10,
                         .validation_accuracy = NAN,
                         .test_accuracy = 0.5,
                         .best = best};
    CHECK_OK(folder_make(job_folder(data, id).text, &f->err), f->err);
    save_model(job_model_path(data, id, step).text, &TINY, (uint64_t)step);
    CHECK_OK(file_digest(job_model_path(data, id, step).text, &row.bytes, row.sha256, &f->err),
             f->err);
    CHECK_OK(run_checkpoint(run, &row, 9, &f->err), f->err);
}

int64_t trained_job(RegistryFixture *f)
{
    const int64_t id = jobs_add(&f->jobs, "{\"network\":\"googlenet_tiny\"}");
    Run *run = jobs_take(&f->jobs);
    run_records_epoch(&f->jobs, run, 1, 10, 0.75);
    record_checkpoint(f, run, 10, true);
    run_records_epoch(&f->jobs, run, 2, 20, 0.5);
    record_checkpoint(f, run, 20, false);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    return id;
}

ModelVersion register_best(RegistryFixture *f, const char *name, int64_t job)
{
    ModelVersion version;
    const ModelRequest request = {.name = name, .job_id = job, .checkpoint = "best"};
    CHECK_OK(models_register(f->models, &request, &version, NULL, &f->err), f->err);
    return version;
}

void register_versions(RegistryFixture *f, const char *name, int64_t job, int count)
{
    for (int i = 0; i < count; i++) {
        ModelVersion version = register_best(f, name, job);
        model_version_free(&version);
    }
}

int64_t version_of(RegistryFixture *f, const char *reference)
{
    ModelVersion version;
    CHECK_OK(models_resolve(f->models, reference, &version, &f->err), f->err);
    const int64_t number = version.row.version;
    model_version_free(&version);
    return number;
}

bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

int files_in(const char *folder)
{
    char command[PATH_MAX + 40];
    int count = -1;
    snprintf(command, sizeof command, "find %s -type f 2>/dev/null | wc -l", folder);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}
