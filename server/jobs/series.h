/* server/jobs/series.h -- what a training leaves behind step by step: epochs, points, checkpoints.
 *
 * None of it is ever thinned. Numbers are stored as 64-bit floating point and come back as they
 * were.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which rows of a series. */
typedef struct {
    int64_t job_id;
    int64_t after;  // the last epoch, step or event seen; 0: from the first
    int limit;      // 0: all
} SeriesPage;

/* An epoch as it ended; names and units of the API. */
typedef struct {
    int64_t epoch, step;
    double train_loss, train_accuracy, test_loss, test_accuracy, test_top5_accuracy;
    double learning_rate, examples_per_second, duration_seconds;
} EpochRow;

/* A recorded point of the curve. */
typedef struct {
    int64_t step;
    double epoch;  // position, as a real number
    double loss, accuracy, learning_rate;
    double seconds;  // trained in all until then, over restarts; NaN: not recorded then
} PointRow;

typedef struct {
    int64_t step, epoch;
    int64_t created_at;    // milliseconds since 1970
    int64_t bytes;         // of the model file that a client downloads
    char sha256[65];       // of the same, in hexadecimal
    double test_accuracy;  // of the epoch that ended with it; below 0: it did not end one
    bool best, latest;
} CheckpointRow;

typedef struct {
    EpochRow *items;
    size_t count;
    bool has_more;
} EpochList;

typedef struct {
    PointRow *items;
    size_t count;
    bool has_more;
} PointList;

typedef struct {
    CheckpointRow *items;
    size_t count;
} CheckpointList;

void epoch_list_free(EpochList *list);
void point_list_free(PointList *list);
void checkpoint_list_free(CheckpointList *list);
