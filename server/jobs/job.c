#include "server/jobs/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"

/* What a trigger wants, to be said when it is refused: "cannot stop: the job is stopped already".
 */
static const char *const TRIGGER_NAMES[] = {
    [JOB_START] = "start",         [JOB_STOP] = "stop", [JOB_END] = "end",
    [JOB_SUCCEED] = "succeed",     [JOB_FAIL] = "fail", [JOB_RESUME] = "resume",
    [JOB_INTERRUPT] = "interrupt",
};

/* All there is; what is not in this table is refused. */
static const struct {
    JobStatus from;
    JobTrigger trigger;
    JobStatus to;
} TRANSITIONS[] = {
    // clang-format off
    {JOB_QUEUED,   JOB_START,     JOB_RUNNING},
    {JOB_QUEUED,   JOB_STOP,      JOB_STOPPED},
    {JOB_RUNNING,  JOB_STOP,      JOB_STOPPING},
    {JOB_RUNNING,  JOB_SUCCEED,   JOB_SUCCEEDED},
    {JOB_RUNNING,  JOB_FAIL,      JOB_FAILED},
    {JOB_RUNNING,  JOB_INTERRUPT, JOB_QUEUED},
    {JOB_STOPPING, JOB_END,       JOB_STOPPED},
    {JOB_STOPPING, JOB_SUCCEED,   JOB_SUCCEEDED},  // it was done before it saw the request
    {JOB_STOPPING, JOB_FAIL,      JOB_FAILED},
    {JOB_STOPPING, JOB_INTERRUPT, JOB_STOPPED},    // the client's request outlives the daemon
    {JOB_STOPPED,  JOB_RESUME,    JOB_QUEUED},
    {JOB_FAILED,   JOB_RESUME,    JOB_QUEUED},
    // clang-format on
};

bool job_next_status(JobStatus from, JobTrigger trigger, JobStatus *to, Error *err)
{
    for (size_t i = 0; i < COUNT(TRANSITIONS); i++) {
        if (TRANSITIONS[i].from == from && TRANSITIONS[i].trigger == trigger) {
            *to = TRANSITIONS[i].to;
            return true;
        }
    }
    return fail_as(err, ERR_CONFLICT, job_status_active(from) ? "job_is_active" : "job_has_ended",
                   "cannot %s a job that is %s", TRIGGER_NAMES[trigger], JOB_STATUS_NAMES[from]);
}

/* "<prefix><digits>", the digits without leading zeros and at least `least`. */
static bool parse_id(const char *text, const char *prefix, int64_t least, int64_t *id)
{
    const size_t skip = strlen(prefix);
    if (strncmp(text, prefix, skip) != 0)
        return false;
    const char *digits = text + skip;
    const size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 18 || digits[count] != '\0' || (digits[0] == '0' && count > 1))
        return false;
    *id = strtoll(digits, NULL, 10);
    return *id >= least;
}

void job_id_format(int64_t id, char text[JOB_ID])
{
    snprintf(text, JOB_ID, "job_%" PRId64, id);
}

bool job_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "job_", 1, id);
}

void checkpoint_id_format(int64_t step, char text[JOB_ID])
{
    snprintf(text, JOB_ID, "step_%" PRId64, step);
}

bool checkpoint_id_parse(const char *text, int64_t *step)
{
    return parse_id(text, "step_", 0, step);
}

void dataset_id_format(int64_t id, char text[JOB_ID])
{
    snprintf(text, JOB_ID, "set_%" PRId64, id);
}

bool dataset_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "set_", 1, id);
}

void model_id_format(int64_t id, char text[JOB_ID])
{
    snprintf(text, JOB_ID, "model_%" PRId64, id);
}

bool model_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "model_", 1, id);
}

void evaluation_id_format(int64_t id, char text[JOB_ID])
{
    snprintf(text, JOB_ID, "eval_%" PRId64, id);
}

bool evaluation_id_parse(const char *text, int64_t *id)
{
    return parse_id(text, "eval_", 1, id);
}

bool model_version_parse(const char *text, int64_t *version)
{
    return parse_id(text, "", 1, version);
}
