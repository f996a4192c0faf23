/* server/cli/remote/evaluate_remote.h -- an evaluation by a daemon: of a model of its own against a
 * data set of its own. */
#pragma once
#include "server/cli/remote/remote.h"

typedef struct {
    const char *model;    // a reference
    const char *dataset;  // name or id
    bool train;           // the training split, else the test split
    int limit;            // the first n of the split; 0: all
    bool test_time_flips;
    int worst;        // mistakes to name
    const char *csv;  // file for the confusion matrix; NULL: none
} EvaluateRequest;

/* Asks for it and waits for its end; a signal that interrupt.h has noted cancels it there.
 * *evaluation, as the daemon describes it, with the mistakes as "worst", is the caller's. Errors:
 * remote.h; ERR_STOPPED: it was cancelled; ERR_INVALID: it has failed. Where only `csv` could not
 * be written, *evaluation is there all the same; else it is NULL. */
bool evaluate_remote(Remote *remote, const EvaluateRequest *request, cJSON **evaluation,
                     Error *err);
