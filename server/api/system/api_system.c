/* The machine: CPU, memory, disk and load. */
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/threads/cpu.h"
#include "core/dnn/dnn.h"
#include "server/api/api_common.h"
#include "server/base/json/json_fields.h"
#include "server/base/process_memory.h"
#include "server/base/time.h"
#include "server/work/machine/memory_limit.h"

/* A number of bytes; 0, not known, is null. */
static void add_bytes(cJSON *to, const char *name, uint64_t bytes)
{
    if (bytes > 0)
        cJSON_AddNumberToObject(to, name, (double)bytes);
    else
        cJSON_AddNullToObject(to, name);
}

static void add_cpu(cJSON *to, const App *app)
{
    char name[128], details[128];
    cpu_model(name, sizeof name);
    cpu_details(details, sizeof details);
    cJSON *cpu = cJSON_AddObjectToObject(to, "cpu");
    cJSON_AddStringToObject(cpu, "name", name);
    cJSON_AddStringToObject(cpu, "details", details);
    cJSON_AddStringToObject(cpu, "isa", dnn_isa_name());
    cJSON_AddNumberToObject(cpu, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
    cJSON_AddNumberToObject(cpu, "usable_cores", app->usable_cores);
    cJSON *precisions = cJSON_AddArrayToObject(cpu, "precisions");
    cJSON_AddItemToArray(precisions, cJSON_CreateString(PRECISION_NAMES[PRECISION_F32]));
    if (precision_resolve(PRECISION_AUTO) == PRECISION_BF16)
        cJSON_AddItemToArray(precisions, cJSON_CreateString(PRECISION_NAMES[PRECISION_BF16]));
}

static void add_memory(cJSON *to)
{
    const MemoryLimit limit = memory_limit();
    cJSON *memory = cJSON_AddObjectToObject(to, "memory");
    add_bytes(memory, "machine_bytes", limit.machine);
    add_bytes(memory, "limit_bytes", limit.limit);
    cJSON_AddStringToObject(memory, "limited_by", limit.by ? limit.by : "");
    add_bytes(memory, "available_bytes", limit.available);
    add_bytes(memory, "used_bytes", process_resident_bytes());
}

/* The file system of the data folder. Free space is what users other than root may still use. */
static void add_disk(cJSON *to, const char *data)
{
    struct statvfs disk;
    const bool known = statvfs(data, &disk) == 0;
    cJSON *json = cJSON_AddObjectToObject(to, "disk");
    json_add_path(json, "data", data);
    add_bytes(json, "total_bytes", known ? (uint64_t)disk.f_blocks * disk.f_frsize : 0);
    if (known)
        cJSON_AddNumberToObject(json, "free_bytes", (double)disk.f_bavail * (double)disk.f_frsize);
    else
        cJSON_AddNullToObject(json, "free_bytes");
}

static void add_training(cJSON *to, const App *app, const JobCounts *counts)
{
    cJSON *training = cJSON_AddObjectToObject(to, "training");
    cJSON_AddNumberToObject(training, "workers", app->workers);
    cJSON_AddNumberToObject(training, "threads_per_job", app->job_threads.share);
    cJSON_AddNumberToObject(training, "examples_per_second", counts->examples_per_second);
    cJSON *jobs = cJSON_AddObjectToObject(training, "jobs");
    for (int status = 0; status < JOB_STATUSES; status++)
        cJSON_AddNumberToObject(jobs, JOB_STATUS_NAMES[status], (double)counts->by_status[status]);
}

/* What the token of the request allows. */
static const char *access_word(Access access)
{
    switch (access) {
    case ACCESS_READ:
        return "read";
    case ACCESS_WRITE:
        return "write";
    case ACCESS_OPEN:
        return "open";
    case ACCESS_NONE:
        break;
    }
    return "none";
}

bool get_system(App *app, const Request *req, Response *res, Error *err)
{
    char started[TIME_TEXT], onednn[32];
    if (request_has_faults(req, res))
        return true;
    const JobCounts counts = jobs_counts(app->jobs);
    (void)err;
    time_format(app->started_at, started);
    dnn_version(onednn, sizeof onednn);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "system");
    cJSON_AddStringToObject(json, "version", app->version);
    cJSON_AddStringToObject(json, "onednn", onednn);
    cJSON_AddStringToObject(json, "started_at", started);
    cJSON_AddNumberToObject(json, "uptime_seconds", clock_seconds() - app->started_clock);
    cJSON_AddNumberToObject(json, "heartbeat_seconds", app->heartbeat_seconds);
    cJSON_AddStringToObject(json, "access", access_word(req->access));
    add_cpu(json, app);
    add_memory(json);
    add_disk(json, app->data);
    add_training(json, app, &counts);
    cJSON_AddItemToObject(json, "limits", cJSON_Duplicate(app->limits, true));
    cJSON *features = cJSON_AddObjectToObject(json, "features");
    cJSON_AddBoolToObject(features, "imports", app->imports);
    cJSON_AddBoolToObject(features, "ranks", app->launches);
    respond_json(res, 200, json);
    res->tagged = false;  // it differs each time
    return true;
}
