/* server/work/recorder.h -- what becomes of a training's events, wherever it is computed: points,
 * epochs and checkpoints are recorded with its run.
 */
#pragma once
#include "core/train/trainer/trainer.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/runs.h"

typedef struct {
    Run *run;
    const char *data;      // the daemon's folder
    int keep;              // checkpoints, besides the best
    Path checkpoint_path;  // where the trainer writes its own
    JobsFolder jobs;       // where that is, as the training was prepared
    /* What is known once the training is prepared. */
    int64_t epoch_steps;
    const ResumeReport *resumed;     // of TRAIN_RESUMED
    const TransferReport *transfer;  // of TRAIN_INITIALIZED
    /* Write the weights as they are now as a model file. */
    bool (*save_model)(void *context, const char *path, Error *err);
    void *context;
    /* What has come of it. */
    Ending ending;
    Error fault;  // what could not be recorded; ERR_NONE: all was
} Recorder;

/* Record the event, which may wait for a disk. TRAIN_STOP: it could not be, see `fault`; nothing
 * may be recorded after it. TRAIN_CHECKPOINT_NOW: the checkpoint is to be written once more. */
TrainAnswer recorder_event(Recorder *recorder, const TrainEvent *event);

/* What computed the training is gone: it can go on, from its last checkpoint. ERR_STOPPED: and it
 * was told to stop. Returns false. */
bool fail_lost(Error *err, ErrorCode code, const char *message);
bool error_is_lost(const Error *err);

/* How the run ended, from what the trainer said. */
RunEnd recorder_judge(const Recorder *recorder, bool done, const Error *err);
