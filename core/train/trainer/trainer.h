/* core/train/trainer/trainer.h -- trains a network: epochs, evaluation, metrics, checkpoints.
 *
 * The one driver of a training, for the command line and the daemon alike. It reports through one
 * callback, which is called on the trainer's thread after every step and every other event of
 * train_event.h, and answers whether to go on. The trainer runs on the calling thread and its
 * OpenMP team; one more thread prepares batches.
 *
 *     trainer_new(&config, &trainer, &err)
 *     trainer_run(trainer, on_event, context, &err)  // ends with TRAIN_END if it returns true
 *     trainer_params(trainer)                        // the weights that TRAIN_END's figures are of
 *
 * Train loss and accuracy are means over the examples seen in the epoch so far, each measured
 * before its own update; test figures are measured after the epoch, or where examples are held out
 * to choose by, after the last. A step is an update of the weights: with `accumulation` it takes
 * several batches. Same config, seed, thread count, machine and kernels give bit-identical
 * parameters, also across a stop and a resume.
 *
 * NaN or infinity in a loss, in the norm of the gradients or in a weight ends the training at the
 * step where it arose; no checkpoint is written after that.
 */
#pragma once
#include "core/train/files/checkpoint.h"
#include "core/train/files/model_info.h"
#include "core/train/resume.h"
#include "core/train/train_config.h"
#include "core/train/train_event.h"
#include "core/train/transfer.h"

/* A training in progress. */
typedef struct Trainer Trainer;

/* Checks the config against model and dataset, builds the network, initialises or loads the
 * parameters. ERR_INVALID: the config or all checkpoints; ERR_NO_MEMORY, ERR_DNN: the network. */
bool trainer_new(const TrainConfig *config, Trainer **trainer, Error *err);
void trainer_free(Trainer *trainer);  // takes NULL

/* To be called once. Train until the last epoch or an early ending, evaluate the final weights if
 * they were not, and write the last checkpoint. ERR_STOPPED: the callback said stop, and the
 * checkpoint is written. ERR_NUMERIC: NaN or infinity arose; the last checkpoint is kept. ERR_IO: a
 * checkpoint could not be written. */
bool trainer_run(Trainer *trainer, TrainCallback callback, void *context, Error *err);

/* With a moving average, `values` are those being trained; model_save writes the average. */
const ParamStore *trainer_params(const Trainer *trainer);
const TrainState *trainer_state(const Trainer *trainer);
/* What the network is, for model_save, but for the data set's name; valid as long as the config's
 * dataset and model. */
ModelInfo trainer_model_info(const Trainer *trainer);
/* NULL: it did not start from a model. */
const TransferReport *trainer_transfer(const Trainer *trainer);
const ResumeReport *trainer_resume(const Trainer *trainer);  // NULL: it started anew
int64_t trainer_total_steps(const Trainer *trainer);         // of the settings, or done if more
int64_t trainer_epoch_steps(const Trainer *trainer);
