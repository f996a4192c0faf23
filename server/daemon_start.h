/* server/daemon_start.h -- the parts of the daemon, and how they are made. */
#pragma once
#include "server/api/app.h"
#include "server/config.h"
#include "server/signals.h"
#include "server/work/evaluator.h"
#include "server/work/importer.h"
#include "server/work/worker.h"

typedef struct {
    Log *log;
    Signals *signals;
    Jobs *jobs;
    Datasets *sets;
    OpenSets *open_sets;
    Workers *workers;
    Quota *quota;
    Uploads *uploads;
    Importer *importer;
    Models *models;
    Predictor *predictor;
    PictureDecoders *decoders;
    char *kernels;  // path of the autotune cache
    Evaluations *evaluations;
    Evaluator *evaluator;
    HttpCounts counts;
    cJSON *limits;  // as the configuration has them
    App app;
    Http *http;
} Daemon;

/* Make them in their order, and serve. False, with those that were made in *d. */
bool daemon_start(Daemon *d, const ServerConfig *config, Error *err);
