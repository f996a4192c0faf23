/* register_model DATA NAME FILE... -- make each file the next version of a model in the data folder
 * of a daemon that does not run. Prints the versions. */
#include <stdio.h>

#include "server/models/models_register.h"

static bool add(Models *models, const char *name, const char *path, Error *err)
{
    const ModelUpload upload = {.name = name, .path = path};
    ModelVersion version;
    Faults faults = {.count = 0};
    if (!models_upload(models, &upload, &version, &faults, err))
        return false;
    printf("%s@%lld\n", version.name, (long long)version.row.version);
    model_version_free(&version);
    return true;
}

int main(int argc, char **argv)
{
    Error err = {0};
    Jobs *jobs = NULL;
    Models *models = NULL;
    if (argc < 4)
        return 2;
    bool ok = jobs_open(&(JobsConfig){.data = argv[1], .max_jobs = 100}, &jobs, &err)
              && models_open(&(ModelsConfig){.data = argv[1], .max_versions = 100, .jobs = jobs},
                             &models, &err);
    for (int i = 3; ok && i < argc; i++)
        ok = add(models, argv[2], argv[i], &err);
    if (!ok)
        fprintf(stderr, "%s\n", err.message);
    models_close(models);
    if (jobs)
        jobs_close(jobs);
    return ok ? 0 : 1;
}
