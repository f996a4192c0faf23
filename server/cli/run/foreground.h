/* server/cli/run/foreground.h -- one training in the foreground: tables, files and figures on the
 * way.
 */
#pragma once
#include "server/mpi/ranks.h"
#include "server/settings/spec.h"

typedef struct {
    const char *out;        // the folder to fill
    bool resume;            // go on from its checkpoint, if there is one
    const char *kernels;    // file with a record of kernels to use; NULL: none
    const Ranks *ranks;     // that train together; this is rank 0
    Trace *trace;           // gets a timeline; NULL: none is wanted
    const char *repeat_of;  // the same, of the run whose job.json was given, if it is there
} Foreground;

/* Train to the end or until a signal. Answers what the command returns to the shell; *err says what
 * went wrong, if anything did. */
int foreground_train(const JobSpec *spec, const Foreground *how, Error *err);
