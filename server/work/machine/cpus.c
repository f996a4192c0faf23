#include "server/work/machine/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/threads/team.h"

/* Version 2: "150000 100000", or "max 100000". */
static double quota_v2(const char *folder)
{
    char text[128];
    double quota, period;
    if (!cgroup_file(folder, "cpu.max", text, sizeof text)
        || sscanf(text, "%lf %lf", &quota, &period) != 2)
        return 0;
    return period > 0 ? quota / period : 0;
}

/* Version 1: two files, the quota -1 where there is none. */
static double quota_v1(const char *folder)
{
    char quota[64], period[64];
    if (!cgroup_file(folder, "cpu.cfs_quota_us", quota, sizeof quota)
        || !cgroup_file(folder, "cpu.cfs_period_us", period, sizeof period))
        return 0;
    return atof(quota) > 0 && atof(period) > 0 ? atof(quota) / atof(period) : 0;
}

const CgroupQuestion CPU_QUOTA_QUESTION = {"cpu", quota_v1, quota_v2};

static int affinity(void)
{
    // Machines with more CPUs than a cpu_set_t holds need a larger set.
    for (size_t cpus = CPU_SETSIZE; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set)
            return 1;
        const size_t size = CPU_ALLOC_SIZE(cpus);
        const bool ok = sched_getaffinity(0, size, set) == 0;
        const int count = ok ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (ok)
            return count;
    }
    return 1;
}

int cpus_shared(int sharing, int group)
{
    const int cpus = affinity() / sharing, team = team_limit();
    const int least = team < cpus ? team : cpus, count = least < 1 ? 1 : least;
    const double quota = cgroup_own_least(&CPU_QUOTA_QUESTION) / group;
    if (quota <= 0 || quota >= count)
        return count;
    return quota < 1 ? 1 : (int)quota;
}

int cpus_usable(void)
{
    return cpus_shared(1, 1);
}

int cpus_granted(int asked)
{
    const int usable = cpus_usable();
    return asked > 0 && asked < usable ? asked : usable;
}

JobThreads job_threads(int cores, int workers)
{
    const int share = cores / workers;
    return (JobThreads){.share = share > 0 ? share : 1, .most = cores};
}

int job_threads_for(JobThreads threads, int asked)
{
    if (asked == 0)
        return threads.share;
    return asked < threads.most ? asked : threads.most;
}
