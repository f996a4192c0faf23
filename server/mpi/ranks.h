/* server/mpi/ranks.h -- the ranks that a launcher (mpirun, srun) has started together, by MPI.
 *
 * ranks_none.c is for a program without MPI; an executable that is linked with ranks_mpi.c has that
 * in its place. MPI is started only where a launcher's environment variables say so: a training
 * alone never touches it.
 *
 * Source   MPI: A Message-Passing Interface Standard, version 3.1.
 */
#pragma once
#include "core/comm/comm.h"

typedef struct {
    Comm *comm;   // NULL: alone
    int on_host;  // ranks on this machine
    int sharing;  // ... that may run on some of the CPUs that this one may, itself included
} Ranks;

/* Seconds of silence after which a rank is given up, unless somebody says otherwise: longer than a
 * large data set takes to be opened. */
enum { RANK_TIMEOUT = 600 };

/* Whether this program has MPI. */
bool ranks_available(void);

/* Join the others. One that is waited for and not heard of for `timeout` seconds ends the run of
 * all; 0: none does. ERR_INVALID: several were started, and this program has no MPI, or one that
 * the launcher does not know, which leaves each alone. */
bool ranks_start(Ranks *ranks, int timeout, Error *err);

/* Leave, when all do. `lost`: this rank has a fault that the others do not know of; they wait for
 * it and are ended, and so is this process, with `exit_code`. */
void ranks_end(Ranks *ranks, bool lost, int exit_code);

/* Whether the ranks have agreed upon a fault. */
bool ranks_agreed_to_end(const Ranks *ranks);

/* How many the environment speaks of; 0: there is no launcher. */
int ranks_launched(void);
