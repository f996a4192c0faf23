/* server/jobs/job.h -- a job: its statuses, what leads from one to the next, and what is told of
 * it.
 *
 *     queued -> running -> succeeded | failed
 *                |  ^
 *        stop    v  |  resume
 *           stopping -> stopped          (a queued job stops at once)
 */
#pragma once
#include "core/base/error.h"
#include "server/store/rows.h"

typedef enum {
    JOB_START,      // a worker takes it
    JOB_STOP,       // a client asks for the end
    JOB_END,        // the worker wrote the checkpoint that a stop asked for
    JOB_SUCCEED,    // all epochs done, or ended early by its own budget or by early stopping
    JOB_FAIL,       // it cannot go on
    JOB_RESUME,     // a client asks to go on
    JOB_INTERRUPT,  // the daemon leaves, or died, while it ran
} JobTrigger;

/* The status that `trigger` leads to from `from`. ERR_CONFLICT, with a sentence, if it leads
 * nowhere. */
bool job_next_status(JobStatus from, JobTrigger trigger, JobStatus *to, Error *err);
