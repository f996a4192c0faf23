/* server/models/predictor/predictor_private.h -- private to predictor*.c.
 *
 *     predictor_models.c    which models are loaded
 *     predictor_compute.c   the threads that compute
 *     predictor.c           the queue, start and stop
 */
#pragma once
#include <pthread.h>

#include "server/models/predictor/model_runner.h"
#include "server/models/predictor/predictor.h"

/* What a thread has of a model. */
typedef struct {
    ModelRunner *runner;  // used by this thread alone; NULL: none so far
    int64_t bytes;        // that it takes
} RunnerSlot;

typedef struct PredictorEntry {
    struct PredictorEntry *next;
    char *key;
    LoadedModel *model;  // NULL while it is read
    Error error;         // why it cannot be
    RunnerSlot *slots;   // of each thread
    int runner_count;
    char *record;    // the kernels of all runners; NULL: there was none so far
    bool preparing;  // a thread makes its runner: others wait for the record
    bool full;       // there was no room for another runner
    bool listed;
    int users;
    double used_at;
    int64_t bytes;
} CachedModel;

typedef struct PredictTask {
    struct PredictTask *next;
    CachedModel *entry;
    const float *images;
    int count;
    float *logits;
    uint8_t *picture;  // of an explanation; NULL: none is asked for
    enum { QUEUED, COMPUTING, DONE, FAILED } state;
    Error error;
    pthread_cond_t changed;
} PredictTask;

typedef struct PredictThread {
    Predictor *predictor;
    int number;  // its slot in entries
    pthread_t thread;
    pthread_cond_t work;          // a task was queued, an entry is doomed, or it stops
    struct PredictThread *below;  // in the stack of those that wait
    bool waits;                   // it is in there
    float *images;                // of a batch: room_count numbers
    size_t room_count;
    float *logits;
    size_t logit_count;
} PredictThread;

struct Predictor {
    PredictorConfig config;  // with the number of threads that were started
    PredictThread *threads;
    PredictThread *waiting;  // the one that waits since the shortest time first
    int running;
    pthread_mutex_t lock;
    pthread_cond_t changed;  // an entry has been read, or a thread runs or has ended
    CachedModel *entries;    // listed
    CachedModel *doomed;
    PredictTask *first, *last;
    PredictorCounts counts;
    bool leaving;  // nothing is computed any more
    bool ending;   // and nobody has taken a model
};

/* ---- predictor_models.c; all with the lock held ---- */

/* Let those go that are too old or too many. The seconds until the next one is too old; -1: none
 * will be. */
double predictor_trim(Predictor *p);
/* Free all, after the threads have ended: of an entry that one kept while it made its runner, the
 * others have left theirs behind. */
void predictor_free_models(Predictor *p);
/* Whether an entry that has left waits for this thread to be freed. */
bool predictor_has_doomed(const PredictThread *t);
/* Free what this thread has of those that have left, and them when nobody has more of them. The
 * lock is given back meanwhile. */
void predictor_free_doomed(PredictThread *t);
/* How much memory a thread's runner takes has changed. */
void predictor_update_bytes(const PredictThread *t, CachedModel *e);
/* End what e->users++ has begun. */
void predictor_release_entry(Predictor *p, CachedModel *e);

/* ---- predictor_compute.c ---- */

void *predictor_work(void *thread);  // what a thread does
/* With the lock held: wake a thread that may compute for the entry, all for NULL. */
void predictor_wake(Predictor *p, const CachedModel *e);

/* ---- predictor.c; all with the lock held ---- */

/* Take the task behind `before`, the first one for NULL, out of the queue. */
PredictTask *predictor_pull(Predictor *p, PredictTask *before);
void predictor_end_task(PredictTask *task, bool ok, const Error *err);
