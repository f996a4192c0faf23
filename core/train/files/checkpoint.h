/* core/train/files/checkpoint.h -- everything a training needs to continue bit by bit where it
 * stopped.
 *
 * One safetensors file: the parameters under their names, what the optimizer keeps under
 * "optimizer.<slot>.<name>" ("optimizer.momentum.5.weight"), and the state as metadata. Where a
 * moving average is kept, the average is the model and has the parameters' names; the values being
 * trained stand under "optimizer.trained.<name>". Numbers in the metadata are decimal integers and
 * hexadecimal floating point, which lose nothing. The file's checksum covers the metadata too
 * (core/train/files/safetensors.h).
 *
 * Files of format 1, written by version 0.1.0 and before, are still read: their checksum covers the
 * tensors alone, and they lack the fields that came with format 2, which keep their first values.
 * Those of format 2 lack what came with format 3.
 *
 * Errors   as safetensors.h; and ERR_INVALID when the file is of another network (a tensor is
 *          missing, superfluous or has another shape; the message names it), lacks the training's
 *          state or holds a weight that is NaN or infinite.
 */
#pragma once
#include "core/autotune/autotune.h"
#include "core/base/metrics.h"
#include "core/data/normalization.h"
#include "core/dnn/params.h"
#include "core/train/ending.h"
#include "core/train/files/safetensors.h"
#include "core/train/files/tensor_check.h"

typedef struct ModelInfo ModelInfo;  // core/train/files/model_info.h

enum { CHECKPOINT_TEXT = 96 };  // bytes of a text field, with the final NUL

/* The state of a training between two steps. */
typedef struct {
    int64_t step;          // steps done
    int64_t epoch;         // current epoch, from 0
    int64_t batch;         // batches done of it
    Metrics epoch_sum;     // of the batches done
    double epoch_seconds;  // spent in training them
    Metrics last_sum;      // training metrics of the epoch before; count 0: none
    double last_seconds;
    Metrics test_sum;        // of the last evaluation; count 0: none yet
    int64_t test_step;       // steps that the weights evaluated had seen
    Metrics validation_sum;  // the same of the held-out examples
    int64_t validation_step;
    double best_accuracy;  // on the examples chosen by; below 0 before the first evaluation
    int64_t best_epoch;    // counted from 1; 0 before
    int64_t best_step;     // steps that the best weights had seen
    EndingState ending;
    Normalization normalization;  // of the images, as it was given or measured
    uint64_t seed;
    // What the pixels hash to, where the set says it; else empty. ModelInfo writes it.
    char dataset_digest[CHECKPOINT_TEXT];
    // Where it was computed: bits may differ elsewhere.
    char cpu[CHECKPOINT_TEXT];
    char cpu_isa[CHECKPOINT_TEXT];
    char precision[CHECKPOINT_TEXT];
    char onednn[CHECKPOINT_TEXT];
    char version[CHECKPOINT_TEXT];
    int threads;
} TrainState;

/* The state before the first step. */
TrainState train_state_start(void);

/* Parameters, the optimizer's slots that are there, state, the record of the kernels in use (NULL:
 * none), and what the network is (NULL: not said). Leaves an older `path` as it was on failure. */
bool checkpoint_save(const char *path, const ParamStore *params, const TrainState *state,
                     const Autotune *kernels, const ModelInfo *info, Error *err);
/* Fills params (with the slots that the file has) and *state, and has `kernels` (may be NULL) use
 * the record in the file; autotune_bits_may_differ says if it could not. On failure none is
 * changed. */
bool checkpoint_load(const char *path, ParamStore *params, TrainState *state, Autotune *kernels,
                     Error *err);

/* The model file: parameters (the moving average, where there is one) alone, as
 * net.load_state_dict() takes them; the metadata says what the network is. */
bool model_save(const char *path, const ParamStore *params, const ModelInfo *info, Error *err);
/* Values from a model file or a checkpoint that is open; `path` stands in messages. Tensors under
 * "optimizer." are ignored, and those whose names begin as one of `left_out` says (Model.left_out;
 * NULL: none). A counter that is not there starts at 0, as PyTorch loads files from before there
 * were counters. */
bool model_read(const SafeFile *file, const char *path, ParamStore *params,
                const char *const *left_out, Error *err);

/* Every tensor of the file that is not as model_read wants it, with a sentence about each, in the
 * order of the parameters and then of the file. Returns how many there are. */
int model_compare(const SafeFile *file, const ParamStore *params, const char *const *left_out,
                  TensorTold tell, void *context);
