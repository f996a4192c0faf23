/* server/api/app.h -- the state that all handlers share. */
#pragma once
#include <stdatomic.h>

#include "server/data/datasets.h"
#include "server/data/open_sets.h"
#include "server/data/uploads/upload.h"
#include "server/http/http.h"
#include "server/jobs/jobs.h"
#include "server/models/evaluations/evaluations.h"
#include "server/models/models.h"
#include "server/models/predictor/picture_decoders.h"
#include "server/models/predictor/predictor.h"
#include "server/work/machine/cpus.h"

struct App {
    Jobs *jobs;
    Quota *quota;  // of data sets and uploads
    Uploads *uploads;
    Datasets *sets;
    OpenSets *open_sets;
    Evaluations *evaluations;
    Models *models;
    Predictor *predictor;
    PictureDecoders *decoders;  // of pictures to predict
    double predict_seconds;     // that a request to predict may wait
    Log *log;                   // may be NULL
    const char *datasets;       // folder with a folder per set, or NULL
    const char *data;           // folder of everything that must last
    bool launches;              // jobs with several ranks
    bool imports;               // folders of its own machine
    const cJSON *limits;        // of the configuration, by their names
    const char *version;        // of the daemon
    JobThreads job_threads;
    int workers, usable_cores;
    double heartbeat_seconds;  // of a silent stream of events
    int64_t started_at;        // milliseconds since 1970
    double started_clock;      // the same moment by a clock that nobody sets
    int max_streams;
    atomic_int onnx_files;    // made for readers who do not have them yet
    atomic_llong read_bytes;  // of memory that reading the files of models takes now
    HttpCounts *counts;       // of the server that calls the handlers
};
