#include <stdlib.h>

#include "server/mpi/ranks.h"

static int number_in(const char *name)
{
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

int ranks_launched(void)
{
    // Open MPI; MPICH, Intel MPI and Slurm's PMI-2; Slurm's PMIx, of the step and not of the job.
    const int open_mpi = number_in("OMPI_COMM_WORLD_SIZE"), pmi = number_in("PMI_SIZE");
    const int slurm = getenv("PMIX_RANK") ? number_in("SLURM_STEP_NUM_TASKS") : 0;
    if (open_mpi > 0)
        return open_mpi;
    return pmi > 0 ? pmi : slurm;
}
