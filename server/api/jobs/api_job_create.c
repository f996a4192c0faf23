/* Create a job from settings, or from another job's; or only report what would be created. */
#include <stdlib.h>
#include <string.h>

#include "core/dnn/dnn.h"
#include "core/net/net.h"
#include "server/api/api_common.h"
#include "server/api/jobs/json_job.h"
#include "server/api/system/json_network.h"
#include "server/base/ids.h"
#include "server/base/json/json_merge.h"
#include "server/base/json/json_text.h"
#include "server/data/dataset_folder.h"
#include "server/work/init_source.h"
#include "server/work/machine/memory_limit.h"

enum { RATE_POINTS = 256 };  // of the learning-rate curve of a dry run

/* ---- Checks that depend on this machine ---- */

static void check_dataset(const App *app, const JobSpec *spec, Faults *faults)
{
    Error missing = {0};
    const DatasetInfo *set = dataset_find(spec->dataset);
    if (set && !faults_at(faults, "/dataset") && !dataset_available(app->datasets, set, &missing))
        faults_add_as(faults, "/dataset", "dataset_unavailable", "is not available: %s",
                      missing.message);
    if (spec->set.known && spec->set.test_count == 0 && !faults_at(faults, "/dataset"))
        faults_add(faults, "/dataset",
                   "has no test examples, by which a training is judged: import it with some, or "
                   "with a larger test_share");
}

/* Ranks may have CPUs of other kinds. */
static void check_precision(const JobSpec *spec, Faults *faults)
{
    if (spec->precision == PRECISION_BF16 && spec->ranks == 1 && !net_bf16_is_fast())
        faults_add(faults, "/precision",
                   "must be f32 or auto: bf16 needs AVX512-BF16 or AMX, and this CPU has %s",
                   dnn_isa_name());
}

static void check_ranks(const App *app, const JobSpec *spec, Faults *faults)
{
    if (spec->ranks > 1 && !app->launches)
        faults_add_as(faults, "/ranks", "no_launcher",
                      "must be 1: this daemon has no launcher to start %d ranks with", spec->ranks);
}

/* A job that needs more memory than this process may ever have. */
static void check_memory(const JobEstimate *estimate, Faults *faults)
{
    Error err = {0};
    if (!memory_can_hold("the job", estimate->memory_bytes, &err))
        faults_add_as(faults, "/batch_size", "too_large_for_memory", "is too large: %s",
                      err.message);
}

/* ---- Dry run ---- */

/* The steps of a training with these settings. */
static StepCounts step_counts(const JobSpec *spec)
{
    const SpecSet *set = &spec->set;
    const int examples =
        spec_train_examples(spec, set->known ? set->train_count : spec->train_limit);
    const Shape image = {set->image.channels, spec->image_size, spec->image_size};
    Graph *g = spec_graph(spec, image, set->classes, NULL);
    const int64_t batches = g ? net_epoch_batches(g, examples, spec->batch_size) : 0;
    graph_free(g);
    const int64_t epoch = train_epoch_steps(batches, spec->accumulation);
    return (StepCounts){.epoch = epoch, .total = epoch * spec->epochs};
}

/* The learning rate of each step, or of RATE_POINTS steps from the first to the last. */
static cJSON *rates_to_json(const JobSpec *spec, StepCounts counts)
{
    const int64_t total_steps = counts.total;
    cJSON *json = cJSON_CreateObject();
    cJSON *steps = cJSON_AddArrayToObject(json, "step");
    cJSON *rates = cJSON_AddArrayToObject(json, "learning_rate");
    const int64_t points = total_steps < RATE_POINTS ? total_steps : RATE_POINTS;
    for (int64_t i = 0; i < points; i++) {
        const int64_t step = points > 1 ? i * (total_steps - 1) / (points - 1) : 0;
        const double rate = schedule_rate(&spec->schedule, spec->learning_rate, step, counts);
        cJSON_AddItemToArray(steps, cJSON_CreateNumber((double)(step + 1)));
        cJSON_AddItemToArray(rates, json_number(rate));
    }
    return json;
}

/* The resolved settings, and what follows from them. */
static bool respond_dry_run(Response *res, const JobSpec *spec, const JobEstimate *estimate,
                            Error *err)
{
    cJSON *network = spec_network_to_json(spec, err);
    if (!network)
        return false;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "dry_run");
    cJSON *settings = spec_to_json(spec);
    cJSON_AddItemToObject(json, "name", cJSON_DetachItemFromObject(settings, "name"));
    cJSON_AddItemToObject(json, "metadata", cJSON_DetachItemFromObject(settings, "metadata"));
    cJSON_AddItemToObject(json, "settings", settings);
    const StepCounts counts = step_counts(spec);
    cJSON_AddNumberToObject(json, "total_steps", (double)counts.total);
    cJSON_AddItemToObject(json, "learning_rate_curve", rates_to_json(spec, counts));
    cJSON_AddItemToObject(json, "estimate", estimate_to_json(estimate));
    cJSON_AddItemToObject(json, "network", network);
    return respond_json(res, 200, json);
}

/* Takes `job`. */
static bool respond_created(Response *res, JobInfo *job, bool replayed)
{
    char id[ID_TEXT];
    job_id_format(job->id, id);
    response_header(res, "Location", "/v1/jobs/%s", id);
    respond_replayed(res, replayed);
    return respond_job(res, 201, job);
}

/* ---- Create ---- */

/* A request that creates a job. */
typedef struct {
    const Request *req;
    bool dry;
    RequestKey key;  // none for a dry run
    Faults *faults;
} Creation;

/* Read the query and the headers. */
static Creation creation_begin(const Request *req, Faults *faults)
{
    *faults = (Faults){.count = 0};
    Creation c = {.req = req, .faults = faults};
    c.dry = query_flag(req->query, "dry_run", false, faults);
    query_finish(req->query, faults);
    c.key = request_key(req, faults);
    if (c.dry)
        request_key_free(&c.key);
    return c;
}

/* Answer a repeated request with the job that it created. True if it is answered or *err is set. */
static bool replayed(App *app, const Creation *c, Response *res, Error *err)
{
    JobInfo job;
    bool found = false;
    const bool ok = jobs_replay(app->jobs, c->key, &job, &found, err);
    if (ok && found)
        respond_created(res, &job, true);
    return !ok || found;
}

/* `init` is the file that it starts from, or "". */
static bool make_job(App *app, const Creation *c, const JobSpec *spec, int64_t parent,
                     const char *init, Response *res, Error *err)
{
    JobInfo job;
    bool found = false;
    const JobRequest wanted = {
        .spec = spec, .parent_id = parent, .key = c->key, .init = *init ? init : NULL};
    // jobs_create looks for the key again: the same request may have come twice at once.
    if (jobs_create(app->jobs, &wanted, &job, &found, err))
        return respond_created(res, &job, found);
    if (!err->reason || strcmp(err->reason, "source_not_found") != 0)
        return false;
    faults_add_as(c->faults, "/init_from", "source_not_found", "%s", err->message);
    return respond_faults(res, c->faults);
}

/* Check the settings, then create the job or answer the dry run. */
static bool create_from(App *app, const Creation *c, const cJSON *settings, int64_t parent,
                        Response *res, Error *err)
{
    JobSpec spec = {0};
    JobEstimate estimate;
    Path init = {""};
    const bool valid =
        spec_read(settings, (SpecRules){.sets = datasets_for_specs(app->sets)}, &spec, c->faults);
    check_dataset(app, &spec, c->faults);
    check_ranks(app, &spec, c->faults);
    check_precision(&spec, c->faults);
    bool ok = !valid || jobs_estimate(app->jobs, &spec, app->job_threads, &estimate, err);
    if (ok && valid)
        check_memory(&estimate, c->faults);
    if (ok)
        init_source_find((InitSources){.jobs = app->jobs, .models = app->models}, parent, &spec,
                         valid, &init, c->faults);
    if (ok && c->faults->count)
        ok = respond_faults(res, c->faults);
    else if (ok)
        ok = c->dry ? respond_dry_run(res, &spec, &estimate, err)
                    : make_job(app, c, &spec, parent, init.text, res, err);
    spec_free(&spec);
    return ok;
}

bool create_job(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults;
    Creation c = creation_begin(req, &faults);
    const bool ok = replayed(app, &c, res, err) ? res->status != 0
                                                : create_from(app, &c, req->json, 0, res, err);
    request_key_free(&c.key);
    return ok;
}

/* Create a job from another one's settings, with what the request changes in them. */
static bool clone(App *app, const Creation *c, Response *res, Error *err)
{
    const Request *req = c->req;
    JobInfo parent;
    int64_t id;
    if (!request_job(req, &id, err) || !jobs_get(app->jobs, id, &parent, err))
        return false;
    const bool allowed = request_allows(req, &parent, err);
    cJSON *settings = job_request(&parent);
    job_info_free(&parent);
    if (cJSON_IsObject(req->json))
        json_merge(settings, req->json, "", c->faults);
    else if (req->json)
        faults_add(c->faults, "", "must be an object");
    const bool ok = allowed && create_from(app, c, settings, id, res, err);
    cJSON_Delete(settings);
    return ok;
}

bool clone_job(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults;
    Creation c = creation_begin(req, &faults);
    const bool ok = replayed(app, &c, res, err) ? res->status != 0 : clone(app, &c, res, err);
    request_key_free(&c.key);
    return ok;
}
