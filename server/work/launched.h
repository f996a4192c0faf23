/* server/work/launched.h -- a training by several ranks, which the configured launcher starts. */
#pragma once
#include "server/base/log.h"
#include "server/work/recorder.h"

typedef struct {
    Recorder *recorder;  // save_model is set here
    const JobSpec *spec;
    const TrainConfig *how;  // with the files of the job; its dataset and threads are the ranks'
    const char *launcher;    // server/launch/launcher.h; NULL: there is none
    int launcher_seconds;    // of silence that a launcher may keep, also at its start; 0: any
    const char *datasets;    // folder with a folder per known dataset; NULL: the default places
    Log *log;                // may be NULL
} LaunchedTraining;

/* Start the ranks, record what rank 0 reports and pass on what is asked of the run, until they have
 * ended. Nothing of them is left on this machine then. As trainer_run; ERR_INVALID too: there is no
 * launcher, or it starts other ranks than it was told to. What fail_lost says: the ranks ended
 * unasked, or were silent for too long, with the launcher's last words. */
bool launched_train(const LaunchedTraining *training, Error *err);
