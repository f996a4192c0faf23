#include "server/work/machine/memory_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "server/base/process_memory.h"

/* ---- Control groups ---- */

static double number_in(const char *folder, const char *name)
{
    char text[64];
    const bool found = cgroup_file(folder, name, text, sizeof text) && strncmp(text, "max", 3) != 0;
    const double value = found ? atof(text) : 0;
    return value < 0x1p60 ? value : 0;  // version 1 says "no limit" by a number near 2^63
}

/* The bytes of a row of memory.stat. */
static double stat_row(const char *text, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return atof(line + length);
    }
    return 0;
}

/* Of cached files, which go when memory is needed. */
static double file_cache(const char *folder, const char *active, const char *inactive)
{
    char text[8192];
    if (!cgroup_file(folder, "memory.stat", text, sizeof text))
        return 0;
    return stat_row(text, active) + stat_row(text, inactive);
}

static double limit_v1(const char *folder)
{
    return number_in(folder, "memory.limit_in_bytes");
}

static double limit_v2(const char *folder)
{
    // Beyond "high" a group is slowed down until it stands.
    const double max = number_in(folder, "memory.max"), high = number_in(folder, "memory.high");
    return max == 0 || (high > 0 && high < max) ? high : max;
}

/* At least a byte: 0 would mean that there is no limit. */
static double left(double limit, double used, double cache)
{
    if (limit == 0)
        return 0;
    const double rest = limit - used + (cache < used ? cache : used);
    return rest > 1 ? rest : 1;
}

static double left_v1(const char *folder)
{
    return left(limit_v1(folder), number_in(folder, "memory.usage_in_bytes"),
                file_cache(folder, "total_active_file", "total_inactive_file"));
}

static double left_v2(const char *folder)
{
    return left(limit_v2(folder), number_in(folder, "memory.current"),
                file_cache(folder, "active_file", "inactive_file"));
}

const CgroupQuestion MEMORY_LIMIT_QUESTION = {"memory", limit_v1, limit_v2};
const CgroupQuestion MEMORY_LEFT_QUESTION = {"memory", left_v1, left_v2};

/* ---- The process ---- */

/* A row of /proc/meminfo, in bytes. */
static double meminfo_row(const char *text, const char *name)
{
    const char *row = strstr(text, name);
    return row ? 1024 * atof(row + strlen(name)) : 0;
}

static void lower(MemoryLimit *m, double limit, double available, const char *by)
{
    if (limit > 0 && (m->limit == 0 || limit < (double)m->limit)) {
        m->limit = (size_t)limit;
        m->by = by;
    }
    if (available > 0 && (m->available == 0 || available < (double)m->available))
        m->available = (size_t)available;
}

MemoryLimit memory_limit(void)
{
    MemoryLimit m = {.by = "this machine"};
    char text[8192];
    if (cgroup_text("/proc/meminfo", text, sizeof text)) {
        m.machine = (size_t)(meminfo_row(text, "MemTotal:") + meminfo_row(text, "SwapTotal:"));
        lower(&m, (double)m.machine,
              meminfo_row(text, "MemAvailable:") + meminfo_row(text, "SwapFree:"), m.by);
    }
    lower(&m, cgroup_own_least(&MEMORY_LIMIT_QUESTION), cgroup_own_least(&MEMORY_LEFT_QUESTION),
          "the control group");
    struct rlimit space;
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
        const double limit = (double)space.rlim_cur, rest = limit - (double)process_mapped_bytes();
        lower(&m, limit, rest > 1 ? rest : 1, "RLIMIT_AS");
    }
    return m;
}

enum { BYTES_TEXT = 24 };

/* "3.8 GB" */
static void bytes_text(size_t bytes, char text[BYTES_TEXT])
{
    const double b = (double)bytes;
    if (b < 1e9)
        snprintf(text, BYTES_TEXT, "%.0f MB", b / 1e6);
    else
        snprintf(text, BYTES_TEXT, "%.1f GB", b / 1e9);
}

bool memory_can_hold(const char *what, size_t bytes, Error *err)
{
    const MemoryLimit m = memory_limit();
    if (m.limit == 0 || bytes <= m.limit)
        return true;
    char needs[BYTES_TEXT], has[BYTES_TEXT];
    bytes_text(bytes, needs);
    bytes_text(m.limit, has);
    return fail(err, ERR_NO_MEMORY, "%s needs about %s of memory, and %s allows %s", what, needs,
                m.by, has);
}

bool memory_can_add(const char *what, size_t bytes, Error *err)
{
    const MemoryLimit m = memory_limit();
    if (m.available == 0 || bytes <= m.available)
        return true;
    char needs[BYTES_TEXT], has[BYTES_TEXT];
    bytes_text(bytes, needs);
    bytes_text(m.available, has);
    return fail(err, ERR_NO_MEMORY, "%s needs about %s of memory, and only %s are free now", what,
                needs, has);
}
