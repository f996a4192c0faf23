/* server/work/machine/cpus.h -- how many cores this process may keep busy.
 *
 * The machine's count is not it: the affinity mask and, in containers, the CPU quota of the control
 * group limit it, and a team with a thread more than the quota stands still at each barrier until
 * the next period. OMP_NUM_THREADS and OMP_THREAD_LIMIT limit it as well.
 *
 * Source   sched_getaffinity(2); Linux admin-guide/cgroup-v2 "cpu.max"; scheduler/sched-bwc.
 */
#pragma once
#include "server/work/machine/cgroup.h"

/* At least 1; a quota is rounded down. On the main thread, before it has a team of its own. */
int cpus_usable(void);
/* The same where `sharing` processes share these CPUs evenly, `group` its control group's quota. */
int cpus_shared(int sharing, int group);
/* Those of a process whose settings ask for so many; 0: all that are usable. Never more. */
int cpus_granted(int asked);

/* The quota of a group, in cores; for cgroup_least. */
extern const CgroupQuestion CPU_QUOTA_QUESTION;

/* Threads that jobs train with. */
typedef struct {
    int share;  // of a job that asks for none: a worker's part of the cores
    int most;   // that a job may have
} JobThreads;

/* `cores` for so many workers; each has one at least. */
JobThreads job_threads(int cores, int workers);
/* Those of a job that asks for so many; 0: a worker's share. */
int job_threads_for(JobThreads threads, int asked);
