/* server/cli/predict_remote.h -- a picture file to a daemon, which predicts. */
#pragma once
#include <cJSON.h>

#include "core/base/error.h"

typedef struct {
    const char *server;      // "http://127.0.0.1:8080"
    const char *token_file;  // NULL: the token is in GOOGLENETD_TOKEN, or there is none
    const char *model;       // a reference
    int top_k;
} PredictRemote;

/* *prediction, {"classes":[...]}, is the caller's. ERR_INVALID: the server's address, or what it
 * says of the request; ERR_IO: nothing answers there. */
bool predict_remote(const PredictRemote *remote, const char *path, cJSON **prediction, Error *err);
