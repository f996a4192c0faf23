/* server/work/cpus.h -- how many cores this process may keep busy.
 *
 * The machine's count is not it: the affinity mask and, in containers, the CPU quota of the control
 * group limit it, and a team with a thread more than the quota stands still at each barrier until
 * the next period.
 *
 * Source   sched_getaffinity(2); Linux admin-guide/cgroup-v2 "cpu.max"; scheduler/sched-bwc.
 */
#pragma once

/* At least 1; a quota is rounded down. */
int cpus_usable(void);

/* The least quota of the groups in `membership`, the text of /proc/self/cgroup, with the control
 * groups' file systems under `root`, usually "/sys/fs/cgroup". In cores; 0: none is set. */
double cpus_quota(const char *membership, const char *root);

/* Threads that jobs train with. */
typedef struct {
    int usual;  // of a job that asks for none: a worker's share
    int most;   // that a job may have
} JobThreads;

/* `cores` for so many workers; each has one at least. */
JobThreads job_threads(int cores, int workers);
/* Those of a job that asks for so many; 0: the usual. */
int job_threads_for(JobThreads threads, int asked);
