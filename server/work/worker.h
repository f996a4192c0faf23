/* server/work/worker.h -- the threads that train.
 *
 * Each worker takes the job that has been queued longest, makes its network, trains and frees it,
 * all on its own thread (oneDNN wants that) and with its share of the cores.
 */
#pragma once
#include "server/jobs/jobs.h"
#include "server/models/models.h"

typedef struct {
    int workers;             // threads, and so jobs, at a time
    int threads;             // cores for all of them together
    int checkpoint_seconds;  // for jobs that set none: saved at least this often; 0: by epochs only
    const char *data;        // folder; borrowed
    const char *datasets;    // folder with a folder per known dataset; NULL: the default places
    const SpecSets *sets;    // those that people brought, borrowed; NULL: none
    Models *models;          // that jobs may become, borrowed; NULL: none
    const char *kernels;     // path of the autotune cache, borrowed
    const char *launcher;    // of jobs with several ranks; NULL: they cannot be started
    int launcher_seconds;    // of silence that a launcher may keep, also at its start; 0: any
    Log *log;                // borrowed
} WorkersConfig;

typedef struct Workers Workers;

/* ERR_NO_MEMORY: no thread is available. */
bool workers_start(Jobs *jobs, const WorkersConfig *config, Workers **workers, Error *err);

/* Tell all to checkpoint and end (jobs_leave), and wait so long for it. False: some were too slow;
 * their jobs have been given back to the queue, and the process must now end without freeing
 * anything they use. Takes NULL. */
bool workers_stop(Workers *workers, double seconds);
