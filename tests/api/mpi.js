// What all tests that start ranks under an MPI launcher share.
import { readFileSync } from 'node:fs';

// Containers run as root and have fewer cores than ranks: so Open MPI 4, 5 and Slurm are told.
export const MPI_ENVIRONMENT = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1', PRTE_MCA_rmaps_default_mapping_policy: ':oversubscribe', SLURM_OVERCOMMIT: '1' };

// Whether a process runs; one that has ended may still wait for its parent.
export function lives(pid) {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
