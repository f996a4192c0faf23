/* server/store/rows_evaluation.h -- what the store keeps of evaluations: a trained network set
 * against a split of a data set.
 *
 *     queued -> running -> succeeded | failed       (failed: also what was cancelled)
 *
 * What it has found never changes: the figures as text, the confusion matrix without its zeros, and
 * the mistakes, worst first.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/store/rows_dataset.h"

typedef enum {
    EVALUATION_QUEUED,
    EVALUATION_RUNNING,
    EVALUATION_SUCCEEDED,
    EVALUATION_FAILED,
    EVALUATION_STATUSES,
} EvaluationStatus;

extern const char *const EVALUATION_STATUS_NAMES[];  // by EvaluationStatus, NULL-terminated

enum {
    EVALUATION_NAME = 129,  // bytes of a name, with the final NUL
    EVALUATION_MODEL = 80,  // of a model's name
};

/* A copy of what is known of an evaluation; evaluation_row_free takes its texts back. Times are
 * milliseconds since 1970, 0 when they have not come yet; figures are 0 until it has succeeded. */
typedef struct {
    int64_t id;
    char name[EVALUATION_NAME];  // ""
    char *metadata;              // JSON object of texts
    EvaluationStatus status;
    struct {
        int64_t job_id, step;  // of a job's checkpoint; 0: a model's version
        int64_t model_id, version;
        char model[EVALUATION_MODEL];  // its name
    } source;
    int automatic;  // 1: made by the end of the job's training
    struct {
        int64_t id;                                       // 0: a known one
        char key[DATASET_ID];                             // "set_3", "fashion_mnist"
        char name[DATASET_NAME], digest[DATASET_DIGEST];  // as they were when it was created
    } dataset;
    char split[DATASET_WORD];  // "test" or "train"
    int64_t example_limit;     // the first n of the split; 0: all
    int test_time_flips;       // 1: core/evaluate/flips.h
    int64_t examples, classes, mistakes;
    double loss, accuracy, top5_accuracy, macro_f1;
    double calibration_error;
    double temperature;  // NaN: there is none
    double seconds;
    char *figures;      // JSON object; NULL: not read, or not there yet
    char *class_names;  // JSON array of texts; likewise
    struct {
        char code[DATASET_WORD];  // ""; "cancelled", "checkpoint_missing", ...
        char message[DATASET_TEXT];
    } error;
    int restart_count;  // times that a death of the daemon ended it
    int64_t created_at, started_at, finished_at;
    struct {
        int64_t done, total;  // examples; total 0 as long as it is not known. Not stored
    } progress;
    char *damage;  // which text of it is no JSON, as a sentence; NULL: none. See row_whole
} EvaluationRow;

void evaluation_row_free(EvaluationRow *evaluation);  // the texts in it, not the struct

typedef struct {
    int64_t after;        // last id of the page before; 0: from the newest
    int limit;            // 1 to 1000
    unsigned statuses;    // bits 1u << EvaluationStatus; 0: all
    int64_t job_id;       // 0: any
    int64_t step;         // of the job's checkpoint; 0: any
    const char *model;    // its name; NULL: any
    int64_t model_id;     // of those that had that name, one may have followed another; 0: any
    int64_t version;      // 0: any
    int64_t dataset_id;   // 0: any
    const char *dataset;  // its key, or the name that it had then; NULL: any
    bool for_cards;       // on test examples, without test-time flips
} EvaluationQuery;

typedef struct {
    EvaluationRow *items;  // without figures and names of classes
    size_t count;
    bool has_more;
} EvaluationList;

void evaluation_list_free(EvaluationList *list);

/* An entry of the confusion matrix that is not 0. */
typedef struct {
    int truth, guess;
    int64_t count;
} CellRow;

typedef struct {
    CellRow *items;  // by truth, then by guess
    size_t count;
} CellList;

void cell_list_free(CellList *list);

typedef struct {
    int64_t rank;     // 1: the worst
    int64_t example;  // its number in the split
    int truth, guess;
    double loss, confidence, truth_share;  // core/evaluate/mistakes.h
} MistakeRow;

typedef struct {
    int64_t evaluation_id;
    int64_t after;     // the last rank of the page before; 0: from the worst
    int limit;         // 1 to 1000
    int truth, guess;  // -1: any
} MistakeQuery;

typedef struct {
    MistakeRow *items;
    size_t count;
    bool has_more;
} MistakeList;

void mistake_list_free(MistakeList *list);
