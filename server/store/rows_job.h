/* server/store/rows_job.h -- jobs as the store keeps them, how they are looked for, and the keys of
 * the requests that made them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/train/files/checkpoint.h"
#include "server/store/rows_dataset.h"

typedef enum {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_STOPPING,  // runs, and will end after its current step
    JOB_STOPPED,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_STATUSES,
} JobStatus;

extern const char *const JOB_STATUS_NAMES[];  // by JobStatus, NULL-terminated

bool job_status_active(JobStatus status);  // queued, running or stopping

enum {
    JOB_NAME = 129,  // bytes of a name, with the final NUL
    JOB_WORD = 32,   // of a short word
    JOB_TEXT = 512,  // of a sentence
};

/* A copy of what is known of a job; job_info_free takes its texts back. Times are milliseconds
 * since 1970, 0 when they have not come yet. Rates are 0 and steps 0 before there are any. */
typedef struct {
    int64_t id;
    char name[JOB_NAME];
    JobStatus status;
    char stop_reason[JOB_WORD];  // completed, max_seconds, early_stopping, requested or ""
    int64_t created_at, queued_at, started_at, finished_at;
    int64_t estimated_finish_at;  // of a running job, from its real progress
    int64_t queue_position;       // of a queued job, 1 is the next; 0: it is not queued
    char *settings;               // JSON object: all settings, resolved, but for name and metadata
    char *metadata;               // JSON object of strings
    int64_t parent_id;            // the job that this one was cloned from; 0: none
    int64_t evaluation_id;        // of its best checkpoint, since it has succeeded; 0: none
    int restart_count;            // times that it was queued again because the daemon had died
    int idle_restarts;            // of those, the last ones in a row without a new checkpoint
    char warning[JOB_TEXT];       // why it waits, such as a full disk; "": it does not. Not stored
    char notice[JOB_TEXT];        // what went wrong with it after all, though it has succeeded

    struct {
        int64_t id;  // of its data set; 0: a known one, whose id is its name
        char name[DATASET_NAME], digest[DATASET_DIGEST];  // as they were when the job was created
    } dataset;
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
        int64_t epoch;                                // the newest evaluated epoch; 0: none yet
        double validation_loss, validation_accuracy;  // NaN, as in EpochMetrics: not measured
        double test_loss, test_accuracy;
    } latest;
    struct {
        int64_t epoch;  // with the best accuracy on the examples chosen by; 0: none yet
        double validation_accuracy, test_accuracy;  // NaN as above
        int64_t checkpoint_step;                    // its checkpoint; 0: not (or no longer) there
    } best;
    struct {
        char cpu[CHECKPOINT_TEXT];      // its name; "" before the first start, and if it is unknown
        char cpu_isa[CHECKPOINT_TEXT];  // "" before the first start
        int threads;
        char onednn[CHECKPOINT_TEXT], version[CHECKPOINT_TEXT];
    } environment;
    struct {
        char code[JOB_WORD];  // "" | "not_a_number" | "out_of_memory" | "restarts" | ...
        char message[JOB_TEXT];
    } error;
    char *damage;  // which text of it is no JSON, as a sentence; NULL: none. See row_whole
} JobInfo;

void job_info_free(JobInfo *job);  // the texts in it, not the struct

/* The idempotency key that came with a request, and what it stands for: "METHOD path hash". */
typedef struct {
    const char *text;  // NULL: there is none
    const char *request;
} RequestKey;

/* What a request with a key creates. Each kind has keys of its own. */
typedef enum { KEY_OF_JOB, KEY_OF_VERSION, KEY_OF_DATASET, KEY_OF_EVALUATION } KeyKind;

/* A key and the text that it has among a job's settings, or in its metadata. */
typedef struct {
    enum { MATCH_SETTING, MATCH_METADATA } in;
    const char *key, *value;
} JobMatch;

typedef struct {
    int64_t after;      // last id of the page before; 0: from the newest
    int limit;          // 1 to 1000
    unsigned statuses;  // bits 1u << JobStatus; 0: all
    int64_t parent_id;  // 0: of any, and of none
    const char *name;   // a part of it, in any case of ASCII letters; NULL: any
    const JobMatch *matches;
    int match_count;  // all of them must match
} JobQuery;

typedef struct {
    JobInfo *items;
    size_t count;
    bool has_more;
} JobList;

void job_list_free(JobList *list);

/* How fast a job like this one was: the newest of the same network, precision, CPU and threads;
 * those of the same image size come first, and of them those of the same batch size. */
typedef struct {
    const char *network;
    const char *precision, *or_precision;  // as settings say it: "bf16" or "auto"
    const char *cpu_isa;
    int threads, ranks, image_size, batch_size;
} SpeedQuery;

typedef struct {
    int64_t job_id;  // 0: there is none
    int image_size;
    double examples_per_second;
} SpeedRow;
