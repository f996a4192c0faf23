/* server/store/rows_series.h -- what happens to jobs, and what a training leaves behind step by
 * step: events, epochs, points, checkpoints.
 *
 * No row of a series is ever thinned; old events are (store_prune.c). Numbers are stored as 64-bit
 * floating point and come back as they were.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/train/epoch_metrics.h"

/* ---- Events ---- */

typedef struct {
    int64_t id;
    int64_t job_id;
    int64_t time;  // milliseconds since 1970
    char type[16];
    char *data;  // JSON object
} Event;

typedef struct {
    Event *items;
    size_t count;
    bool has_more;
} EventList;

void event_list_free(EventList *list);

/* Each opening of a store is a life. A reader of events is given the id of the life with its last
 * event's, and comes back with both: an id that this store does not know, or an event beyond the
 * end of that life, is of another store or of what was lost when a backup was restored. */
typedef struct {
    char id[17];          // random, in hexadecimal
    int64_t after_event;  // the newest event when it began
} Life;

typedef struct {
    Life *items;  // the newest first
    size_t count;
} LifeList;

void life_list_free(LifeList *list);

/* Which events a store has. */
typedef struct {
    int64_t oldest;  // all events from here on are kept; 1 at first
    int64_t last;    // the newest id ever given; 0: none
} EventRange;

/* ---- Series ---- */

/* Which rows of a series. */
typedef struct {
    int64_t job_id;
    int64_t after;  // the last epoch, step or event seen; 0: from the first
    int limit;      // 0: all
} SeriesPage;

/* A recorded point of the curve. */
typedef struct {
    int64_t step;
    double epoch;  // position, as a real number
    double loss, accuracy, learning_rate;
    double seconds;  // trained in all until then, over restarts; NaN: not recorded then
} PointRow;

typedef struct {
    int64_t step, epoch;
    int64_t created_at;  // milliseconds since 1970
    int64_t bytes;       // of the model file that a client downloads
    char sha256[65];     // of the same, in hexadecimal
    // Of the epoch that ended with it; NaN: it did not end one, or they were not measured then.
    double validation_accuracy, test_accuracy;
    bool best, latest;
} CheckpointRow;

typedef struct {
    EpochMetrics *items;
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

/* Files that are to be deleted: of one checkpoint, or all of a job. */
typedef struct {
    int64_t job_id, step;
    bool whole_job;
    bool away;  // all of a job's files, which were out of reach when it was deleted
} Removal;

typedef struct {
    Removal *items;
    size_t count;
} RemovalList;

void removal_list_free(RemovalList *list);
void epoch_list_free(EpochList *list);
void point_list_free(PointList *list);
void checkpoint_list_free(CheckpointList *list);
