/* server/work/machine/cgroup.h -- what the control groups of a process allow it.
 *
 * A limit of any group on the way up to the root holds. Version 1 has a hierarchy for each
 * controller, version 2 one for all; a machine may have both.
 *
 * Source   Linux admin-guide/cgroup-v2 and cgroup-v1; cgroups(7).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Reads a limit from the files of the group at `folder`; 0: it sets none. */
typedef double (*CgroupReader)(const char *folder);

typedef struct {
    const char *controller;  // "cpu"
    CgroupReader v1, v2;
} CgroupQuestion;

/* The least of the limits of the groups in `membership`, the text of /proc/self/cgroup, with the
 * file systems under `root`, normally CGROUP_ROOT. 0: there is none. */
double cgroup_least(const CgroupQuestion *question, const char *membership, const char *root);

/* The same for this process as it is. */
double cgroup_own_least(const CgroupQuestion *question);

#define CGROUP_ROOT "/sys/fs/cgroup"

/* The text of a file in /proc or /sys, cut to size - 1 bytes. False: it is empty or not there. */
bool cgroup_text(const char *path, char *text, size_t size);
/* The same for a file in a folder. */
bool cgroup_file(const char *folder, const char *name, char *text, size_t size);
