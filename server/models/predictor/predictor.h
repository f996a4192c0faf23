/* server/models/predictor/predictor.h -- predictions for many clients at a time.
 *
 * Threads of its own compute, side by side. Images of one model that wait together are computed
 * together, by one of them; none ever waits for more to come, and they sleep while there are none.
 * What an image gives does not depend on what it was computed with, nor by whom (model_runner.h).
 * The images of a request that has many of them are shared out among the threads.
 *
 * A model is read when it is first taken and stays loaded. When those that nobody uses are too
 * many for the configured memory, the one used longest ago goes; each goes after some time without
 * use. Whoever has taken one keeps it until it is released, whatever becomes of its file.
 *
 * Threads   any, but for start and stop.
 * Errors    ERR_STOPPED: the predictor ends. ERR_CONFLICT with the reason "busy": too many images
 *           wait, or the deadline passed before all of its images were begun. Otherwise what
 *           `fits` says, and those of loaded_model.h and model_runner.h.
 */
#pragma once
#include "server/base/log.h"
#include "server/models/predictor/model_runner.h"

enum { PREDICTOR_BATCH = 16 };  // images that a thread computes at a time, at most

typedef struct {
    int threads;          // that compute
    int64_t bytes;        // that models which stay loaded may take, by loaded_model_bytes
    double idle_seconds;  // after which one leaves
    int waiting;          // images that may wait
    MemoryFits fits;      // asked before a model is read, and before its net is made; NULL: yes
    const char *kernels;  // file of the autotune cache; NULL: none. Borrowed, as `log`
    Log *log;             // may be NULL
} PredictorConfig;

typedef struct Predictor Predictor;

/* ERR_NO_MEMORY: no thread. */
bool predictor_start(const PredictorConfig *config, Predictor **p, Error *err);
/* From now on nothing is computed: those who wait are refused, and those who come. Takes NULL. */
void predictor_leave(Predictor *p);
/* The same, and wait so long for what is being computed. Nobody may have taken a model any more.
 * False: it was too slow, and the process must end without freeing anything that it uses. Takes
 * NULL. */
bool predictor_stop(Predictor *p, double seconds);

typedef struct {
    const LoadedModel *model;
    struct PredictorEntry *entry;  // the predictor's own
} TakenModel;

typedef struct {
    const char *key;    // tells the model from all others, also from a later one of the same path
    const char *path;   // of its file
    ImageSpec picture;  // as loaded_model_open's
} PredictorFile;

bool predictor_take(Predictor *p, const PredictorFile *file, TakenModel *taken, Error *err);
void predictor_release(Predictor *p, TakenModel *taken);  // takes {0}

/* The logits of `count` images of a model that is taken, 1 or more; waits `seconds` at most for
 * the computation to begin. */
bool predictor_run(Predictor *p, const TakenModel *taken, const float *images, int count,
                   double seconds, float *logits, Error *err);

/* The same for one image, with a picture of where the network saw its likeliest class:
 * model_runner_explain. */
bool predictor_explain(Predictor *p, const TakenModel *taken, const float *image, double seconds,
                       float *logits, uint8_t *picture, Error *err);

typedef struct {
    int loaded;        // models
    int64_t bytes;     // that they take
    int64_t requests;  // computed so far, since the start as all that follow
    int64_t images;    // of them
    int64_t batches;   // that they were computed in
    double seconds;    // that it took
    int64_t refused;   // requests, because too many images waited, or they waited too long
    int waiting;       // images, now
} PredictorCounts;

PredictorCounts predictor_counts(Predictor *p);
