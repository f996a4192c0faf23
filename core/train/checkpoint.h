/* core/train/checkpoint.h -- everything a training needs to go on bit by bit where it stood.
 *
 * One safetensors file: the parameters under their names, momentum under
 * "optimizer.momentum.<name>", and the rest as metadata. Numbers in the metadata are decimal
 * integers and hexadecimal floating point, which lose nothing.
 *
 * Errors   as safetensors.h; and ERR_INVALID when the file is of another network (a tensor is
 * missing, superfluous or has another shape; the message names it) or lacks the training's state.
 */
#pragma once
#include "core/autotune/autotune.h"
#include "core/base/metrics.h"
#include "core/dnn/params.h"

enum { CHECKPOINT_TEXT = 64 };  // bytes of a text field, with the final NUL

/* Where a training stands between two steps. */
typedef struct {
    int64_t step;          // steps done
    int64_t epoch;         // current epoch, from 0
    int64_t batch;         // batches done of it
    Metrics epoch_sum;     // of the batches done
    double epoch_seconds;  // spent in training them
    double best_accuracy;  // on the test set; below 0 before the first epoch's end
    int64_t best_epoch;    // counted from 1; 0 before
    uint64_t seed;
    // Where it was computed: bits may differ elsewhere.
    char cpu_isa[CHECKPOINT_TEXT];
    char precision[CHECKPOINT_TEXT];
    char onednn[CHECKPOINT_TEXT];
    char version[CHECKPOINT_TEXT];
    int threads;
} TrainState;

/* Parameters, momentum (if there is any), state, and the record of the kernels in use (NULL: none).
 * Leaves an older `path` as it was on failure. */
bool checkpoint_save(const char *path, const ParamStore *params, const TrainState *state,
                     const Autotune *kernels, Error *err);
/* Fills params (momentum too, if the file has it) and *state, and has `kernels` (may be NULL) use
 * the record in the file; autotune_bits_may_differ says if it could not. On failure none is
 * changed. */
bool checkpoint_load(const char *path, ParamStore *params, TrainState *state, Autotune *kernels,
                     Error *err);

/* The model file: parameters alone, as net.load_state_dict() takes them. */
bool model_save(const char *path, const ParamStore *params, const char *model_name, Error *err);
/* Values from a model file or a checkpoint; whatever is under "optimizer." is passed over. */
bool model_load(const char *path, ParamStore *params, Error *err);
