/* server/jobs/job.h -- a job: its statuses, what leads from one to the next, and what is told of
 * it.
 *
 *     queued -> running -> succeeded | failed
 *                |  ^
 *        stop    v  |  resume
 *           stopping -> stopped          (a queued job stops at once)
 *
 * A job's id is a number that grows from 1 and is never used again. Clients see it as text,
 * "job_17"; a checkpoint's id is the step it was taken at, "step_4690".
 */
#pragma once
#include <stdint.h>

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

/* What reads an id: job_id_parse and its like. */
typedef bool (*IdParser)(const char *text, int64_t *id);

void job_id_format(int64_t id, char text[JOB_ID]);           // "job_17"
bool job_id_parse(const char *text, int64_t *id);            // false unless exactly that form
void checkpoint_id_format(int64_t step, char text[JOB_ID]);  // "step_4690"
bool checkpoint_id_parse(const char *text, int64_t *step);

void dataset_id_format(int64_t id, char text[JOB_ID]);  // "set_3"
bool dataset_id_parse(const char *text, int64_t *id);

void model_id_format(int64_t id, char text[JOB_ID]);  // "model_3"
bool model_id_parse(const char *text, int64_t *id);

void evaluation_id_format(int64_t id, char text[JOB_ID]);  // "eval_5"
bool evaluation_id_parse(const char *text, int64_t *id);

bool model_version_parse(const char *text, int64_t *version);  // "3"; false unless 1 or more
