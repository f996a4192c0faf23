/* server/models/predictor/predictor_private.h -- private to predictor*.c.
 *
 *     predictor_models.c   which models are loaded
 *     predictor.c          the queue and the thread that computes
 */
#pragma once
#include <pthread.h>

#include "server/models/predictor/predictor.h"

typedef struct PredictorEntry {
    struct PredictorEntry *next;
    char *key;
    LoadedModel *model;  // NULL while it is read
    Error error;         // why it cannot be
    bool listed;
    int users;
    double used_at;
    int64_t bytes;
} Entry;

typedef struct PredictTask {
    struct PredictTask *next;
    Entry *entry;
    const float *images;
    int count;
    float *logits;
    uint8_t *picture;  // of an explanation; NULL: none is asked for
    enum { QUEUED, COMPUTING, DONE, FAILED } state;
    Error error;
    pthread_cond_t changed;
} PredictTask;

struct Predictor {
    PredictorConfig config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;     // a task was queued, an entry is doomed, or it stops
    pthread_cond_t changed;  // an entry has been read, or the thread has ended
    Entry *entries;          // listed
    Entry *doomed;
    PredictTask *first, *last;
    PredictorCounts counts;
    bool leaving;   // nothing is computed any more
    bool ending;    // and nobody has taken a model
    bool ended;     // the thread
    float *images;  // of a batch: room_count numbers
    size_t room_count;
    float *logits;
    size_t logit_count;
};

/* ---- predictor_models.c; all with the lock held ---- */

/* Let those go that are too old or too many. The seconds until the next one is too old; -1: none
 * will be. */
double predictor_trim(Predictor *p);
/* Let all go; nobody has taken one. */
void predictor_drop_all(Predictor *p);
/* Free those that have left. The lock is given back meanwhile. On the thread that computes. */
void predictor_free_doomed(Predictor *p);
/* How much memory a model takes has changed. */
void predictor_update_bytes(Predictor *p, Entry *e);
