#include "server/jobs/job.h"

#include "core/base/memory.h"

/* What a trigger wants, to be said when refused: "cannot stop: the job is stopped already". */
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
