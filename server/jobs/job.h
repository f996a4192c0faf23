/* server/jobs/job.h -- a job: its states, what leads from one to the next, and what is told of it.
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
#include "server/jobs/spec.h"

typedef enum {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_STOPPING,  // runs, and will end after its current step
    JOB_STOPPED,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_STATES,
} JobState;

extern const char *const JOB_STATE_NAMES[];  // by JobState, NULL-terminated

bool job_state_active(JobState state);  // queued, running or stopping

typedef enum {
    JOB_START,      // a worker takes it
    JOB_STOP,       // a client asks for the end
    JOB_END,        // the worker wrote the checkpoint that a stop asked for
    JOB_SUCCEED,    // all epochs done, or ended early by its own budget or by early stopping
    JOB_FAIL,       // it cannot go on
    JOB_RESUME,     // a client asks to go on
    JOB_INTERRUPT,  // the daemon leaves, or died, while it ran
} JobTrigger;

/* The state that `trigger` leads to from `from`. ERR_CONFLICT, with a sentence, if it leads
 * nowhere. */
bool job_next_state(JobState from, JobTrigger trigger, JobState *to, Error *err);

enum {
    JOB_ID = 32,     // bytes of an id as text, with the final NUL
    JOB_WORD = 32,   // of a short word
    JOB_TEXT = 512,  // of a sentence
    JOB_STAMP = 32,  // of a time as text
};

void job_id_format(int64_t id, char text[JOB_ID]);           // "job_17"
bool job_id_parse(const char *text, int64_t *id);            // false unless exactly that form
void checkpoint_id_format(int64_t step, char text[JOB_ID]);  // "step_4690"
bool checkpoint_id_parse(const char *text, int64_t *step);

/* Milliseconds since 1970, UTC; and as RFC 3339: "2026-01-31T12:00:00.000Z". */
int64_t time_now_ms(void);
void time_format(int64_t ms, char text[JOB_STAMP]);

/* A copy of what is known of a job; job_info_free takes its texts back. Times are milliseconds
 * since 1970, 0 when they have not come yet. Rates are 0 and steps 0 before there are any. */
typedef struct {
    int64_t id;
    char name[SPEC_NAME];
    JobState state;
    char stop_reason[JOB_WORD];  // completed, max_seconds, early_stopping, requested or ""
    int64_t created_at, queued_at, started_at, finished_at;
    int64_t estimated_finish_at;  // of a running job, from its real progress
    char *settings;               // JSON object: all settings, resolved, but for name and metadata
    char *metadata;               // JSON object of strings
    int64_t parent_id;            // the job that this one was cloned from; 0: none
    int restart_count;            // times that it was queued again because the daemon had died
    int idle_restarts;            // of those, the last ones in a row without a new checkpoint

    struct {
        int64_t step, total_steps;
        int64_t epoch;          // the epoch under way, from 1
        double epoch_position;  // epochs done as a real number
        double examples_per_second;
        double seconds;  // trained in all, over restarts
    } progress;
    struct {
        int64_t step;  // of the newest recorded point; 0: no point yet
        double loss, accuracy, learning_rate;
        int64_t epoch;  // the newest evaluated epoch; 0: none yet
        double test_loss, test_accuracy;
    } latest;
    struct {
        int64_t epoch;  // with the best test accuracy; 0: none yet
        double test_accuracy;
        int64_t checkpoint_step;  // its checkpoint; 0: not (or no longer) there
    } best;
    struct {
        char cpu_isa[CHECKPOINT_TEXT];  // "" before the first start
        int threads;
        char onednn[CHECKPOINT_TEXT], version[CHECKPOINT_TEXT];
    } environment;
    struct {
        char code[JOB_WORD];  // "" | "not_a_number" | "out_of_memory" | "restarts" | ...
        char message[JOB_TEXT];
    } error;
} JobInfo;

void job_info_free(JobInfo *job);  // the texts in it, not the struct
