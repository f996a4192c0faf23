#include "server/work/init_source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "server/base/ids.h"

/* ---- Does it fit? ---- */

static bool check_tensors(const JobSpec *spec, const Graph *g, const char *path, Error *err)
{
    ParamStore *params = NULL;
    TransferReport report = {0};
    if (!params_new(g, &params, err))
        return false;
    const Head head = head_find(spec->network, g, &spec->blocks, params);
    const Transfer how = {.network = spec->network->name,
                          .head = &head,
                          .all_features = spec->freeze == FREEZE_FEATURES};
    const bool ok = transfer_load(path, &how, params, &report, err);
    transfer_report_free(&report);
    params_free(params);
    return ok;
}

/* Whether a training of this kind can start from the file, whose digest *sha256 becomes. */
static bool check_source(const JobSpec *spec, const char *path, char sha256[65], Error *err)
{
    const SpecSet *set = &spec->set;
    int64_t bytes;
    Graph *g = spec_graph(spec, (Shape){set->image.channels, spec->image_size, spec->image_size},
                          set->classes, err);
    const bool ok =
        g && check_tensors(spec, g, path, err) && file_digest(path, &bytes, sha256, err);
    graph_free(g);
    return ok;
}

/* ---- Where is it? ---- */

/* The parent's own file, if it has the bytes that are wanted. */
static bool find_parents(Jobs *jobs, int64_t parent, const InitFrom *from, Path *path)
{
    char sha256[65];
    int64_t bytes;
    if (parent == 0 || !from->sha256[0])
        return false;
    *path = jobs_init_path(jobs, parent);
    return access(path->text, R_OK) == 0 && file_digest(path->text, &bytes, sha256, NULL)
           && strcmp(sha256, from->sha256) == 0;
}

static bool find_checkpoint(Jobs *jobs, InitFrom *from, Path *path, Error *err)
{
    int64_t id;
    CheckpointRow row;
    if (!job_id_parse(from->job, &id))
        return fail(err, ERR_NOT_FOUND, "there is no %s", from->job);
    if (!jobs_checkpoint_find(jobs, id, from->checkpoint[0] ? from->checkpoint : "best", &row, path,
                              err))
        return false;
    checkpoint_id_format(row.step, from->checkpoint);
    return true;
}

static bool find_model(Models *models, InitFrom *from, Path *path, Error *err)
{
    ModelVersion version;
    if (!models)
        return fail(err, ERR_NOT_FOUND, "there is no model %s", from->model);
    if (!models_resolve(models, from->model, &version, err))
        return false;
    *path = version.path;
    snprintf(from->model, sizeof from->model, "%s@%lld", version.name,
             (long long)version.row.version);
    model_version_free(&version);
    return true;
}

static bool find_source(InitSources sources, InitFrom *from, Path *path, Error *err)
{
    return from->job[0] ? find_checkpoint(sources.jobs, from, path, err)
                        : find_model(sources.models, from, path, err);
}

void init_source_find(InitSources sources, int64_t parent, JobSpec *spec, bool valid, Path *path,
                      Faults *faults)
{
    InitFrom *from = &spec->init_from;
    char sha256[65];
    Error err = {0};
    path->text[0] = '\0';
    if (!init_given(from))
        return;
    if (!find_parents(sources.jobs, parent, from, path)
        && !find_source(sources, from, path, &err)) {
        faults_add_as(faults, "/init_from", "source_not_found", "%s", err.message);
        return;
    }
    if (!valid)
        return;
    const bool fits = check_source(spec, path->text, sha256, &err);
    if (!fits && file_is_gone(path->text))  // deleted meanwhile, or lost
        faults_add_as(faults, "/init_from", "source_not_found", "its file is gone");
    else if (!fits)
        faults_add_as(faults, "/init_from", "source_unusable", "%s", err.message);
    else if (from->sha256[0] && strcmp(from->sha256, sha256) != 0)
        faults_add_as(faults, "/init_from", "source_changed",
                      "has the SHA-256 %s, not %s: leave that out to take what is there", sha256,
                      from->sha256);
    else
        memcpy(from->sha256, sha256, sizeof from->sha256);
}
