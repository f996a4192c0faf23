/* server/work/machine/memory_limit.h -- how much memory this process may have.
 *
 * The least of what the machine has, the control groups allow and RLIMIT_AS allows. Beyond a
 * group's limit the kernel kills the process, with all its jobs; so a job that cannot fit is
 * refused before it is taken, and one that does not fit now fails alone.
 *
 * Source   Linux admin-guide/cgroup-v2 "memory.max", cgroup-v1/memory; proc(5) "meminfo".
 */
#pragma once
#include <stddef.h>

#include "core/base/error.h"
#include "server/work/machine/cgroup.h"

/* In bytes; 0: not known. */
typedef struct {
    size_t machine;    // memory and swap
    size_t limit;      // the most that this process may ever hold
    size_t available;  // that it may take now, in addition to what it has
    const char *by;    // who sets the limit: "this machine", "the control group", "RLIMIT_AS"
} MemoryLimit;

MemoryLimit memory_limit(void);

/* ERR_NO_MEMORY, with both figures in a sentence, if a process of so many bytes can never be;
 * `what` takes them: "the job". */
bool memory_can_hold(const char *what, size_t bytes, Error *err);

/* The same if so many bytes cannot be added now. */
bool memory_can_add(const char *what, size_t bytes, Error *err);

/* What a group allows in all, and what is left of that; for cgroup_least. */
extern const CgroupQuestion MEMORY_LIMIT_QUESTION, MEMORY_LEFT_QUESTION;
