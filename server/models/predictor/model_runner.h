/* server/models/predictor/model_runner.h -- a loaded model's net on one thread.
 *
 * An image gets the same bits whatever is computed with it: kernels are chosen for one size of
 * batch and used for all (NetConfig.kernels_of). Several threads compute side by side, each with a
 * runner of its own; those that are given the record of the first compute the same bits as it.
 *
 * Threads   a runner, with all calls on it, stays on the thread that made it.
 * Shapes    as loaded_model.h.
 * Errors    as net.h.
 */
#pragma once
#include "server/models/predictor/loaded_model.h"

typedef struct ModelRunner ModelRunner;

/* Whether a model may take so many bytes more; if not, *err says why. */
typedef bool (*MemoryFits)(size_t bytes, Error *err);

typedef struct {
    const char *kernels;    // file of the autotune cache; NULL: none
    const char *record;     // of another runner of the model: nothing is measured; NULL: none
    bool (*go_on)(void *);  // asked while kernels are measured; NULL: always
    void *context;
    MemoryFits fits;  // asked before it is made, for what it will take; NULL: it always does
} ModelRunnerConfig;

/* Kernels that the cache does not know are measured and added to it, which takes seconds; else it
 * takes some hundredths of one. The model must outlive it. */
bool model_runner_new(const LoadedModel *m, const ModelRunnerConfig *config, ModelRunner **runner,
                      Error *err);
void model_runner_free(ModelRunner *r);  // takes NULL

/* Its kernels: autotune_record. From malloc. */
char *model_runner_record(const ModelRunner *r);

/* Any number of images, one after the other in memory. */
bool model_runner_run(ModelRunner *r, const float *images, int count, float *logits, Error *err);

/* Where the network sees what speaks for a class in one image: a grey picture of the size of its
 * pixels, (size, size), white where most does. ERR_INVALID with the reason "not_explainable":
 * core/evaluate/activation_map.h. */
bool model_runner_explain(ModelRunner *r, const float *image, int label, uint8_t *picture,
                          Error *err);

/* An estimate of the memory that it holds. */
size_t model_runner_bytes(const ModelRunner *r);
