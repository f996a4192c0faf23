/* tests/server/models/registry_fixture.h -- models under names in a scratch folder, beside the jobs
 * that they come from, and the few moves that tests repeat. */
#pragma once
#include "server/models/models.h"
#include "tests/server/jobs/fixture.h"

typedef struct {
    JobsFixture jobs;
    Models *models;
    Error err;
} RegistryFixture;

int registry_set_up(void **state);
int registry_tear_down(void **state);
void registry_reopen(RegistryFixture *f);  // as a daemon that has died and is started again

extern const char *const TINY_CLASSES[2];
extern const ModelInfo TINY;  // of googlenet_tiny: one channel, two classes

/* A model file of that kind with weights drawn by the seed; `info` is what it says of itself. */
void save_model(const char *path, const ModelInfo *info, uint64_t seed);

/* A job that has succeeded, whose best checkpoint is step 10 and whose latest is step 20. */
int64_t trained_job(RegistryFixture *f);
ModelVersion register_best(RegistryFixture *f, const char *name, int64_t job);
void register_versions(RegistryFixture *f, const char *name, int64_t job, int count);
int64_t version_of(RegistryFixture *f, const char *reference);

bool is_there(const char *path);
int files_in(const char *folder);  // and in those below it
