#include "server/work/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 8192 };  // bytes read of a file in /proc or /sys at most

static bool read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    const size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length > 0;
}

static double least(double a, double b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

/* Version 2: "150000 100000", or "max 100000". */
static double quota_v2(const char *folder)
{
    char path[PATH_MAX + 32], text[128];
    double quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lf %lf", &quota, &period) != 2)
        return 0;
    return period > 0 ? quota / period : 0;
}

/* Version 1: two files, the quota -1 where there is none. */
static double quota_v1(const char *folder)
{
    char path[PATH_MAX + 32], quota[64], period[64];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_text(path, quota, sizeof quota))
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_text(path, period, sizeof period))
        return 0;
    return atof(quota) > 0 && atof(period) > 0 ? atof(quota) / atof(period) : 0;
}

/* The least quota from the group `path` up to the root of its file system. In a container the path
 * may lead nowhere, and the root is the container's own group. */
static double quota_upwards(const char *root, const char *path, double (*quota)(const char *))
{
    char folder[PATH_MAX];
    const size_t base = strlen(root);
    snprintf(folder, sizeof folder, "%s%s", root, path);
    double limit = 0;
    while (true) {
        limit = least(limit, quota(folder));
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < base)
            return limit;
        *slash = '\0';
    }
}

static bool has_cpu(const char *controllers)
{
    char list[256];
    snprintf(list, sizeof list, ",%s,", controllers);
    return strstr(list, ",cpu,") != NULL;
}

double cpus_quota(const char *membership, const char *root)
{
    char text[TEXT], mount[PATH_MAX];
    double limit = 0;
    char *rest = NULL;
    snprintf(text, sizeof text, "%s", membership);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        // "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1.
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        controllers++;
        path = strcmp(path, "/") == 0 ? path + 1 : path;
        if (!*controllers) {
            limit = least(limit, quota_upwards(root, path, quota_v2));
        } else if (has_cpu(controllers)) {
            snprintf(mount, sizeof mount, "%s/cpu", root);
            limit = least(limit, quota_upwards(mount, path, quota_v1));
        }
    }
    return limit;
}

static int affinity(void)
{
    // Machines with more CPUs than a cpu_set_t holds want a larger set.
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

int cpus_usable(void)
{
    char membership[TEXT];
    const int count = affinity();
    if (!read_text("/proc/self/cgroup", membership, sizeof membership))
        return count;
    const double quota = cpus_quota(membership, "/sys/fs/cgroup");
    if (quota <= 0 || quota >= count)
        return count;
    return quota < 1 ? 1 : (int)quota;
}

JobThreads job_threads(int cores, int workers)
{
    const int share = cores / workers;
    return (JobThreads){.usual = share > 0 ? share : 1, .most = cores};
}

int job_threads_for(JobThreads threads, int asked)
{
    if (asked == 0)
        return threads.usual;
    return asked < threads.most ? asked : threads.most;
}
