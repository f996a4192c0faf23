/* server/data/decoder/sandbox.h -- the walls around a process that reads what strangers have made.
 *
 * From sandbox_enter on the process can compute, allocate up to its limit, and read and write one
 * descriptor. It cannot open, run or send anything: whatever else it asks of the system ends it.
 *
 *   rlimits           memory, files 0, processes 0, bytes written to files 0, no core dumps
 *   no_new_privs      nothing that it could run would gain rights
 *   seccomp           an allow list of system calls; any other one kills the process (SIGSYS)
 *   Landlock          no access to any file system, where the kernel has it
 *
 * A kernel without seccomp or Landlock leaves the other walls standing; the result says so.
 *
 * Source   seccomp(2), libseccomp's seccomp_rule_add(3), landlock(7), getrlimit(2).
 */
#pragma once
#include <stddef.h>

typedef enum {
    SANDBOX_SECCOMP = 1,
    SANDBOX_LANDLOCK = 2,
} SandboxWalls;

/* `fd` is what may be read and written; `memory` are the bytes that the process may map beyond what
 * it has mapped. Returns the SandboxWalls that stand; -1: the limits could not be set. */
int sandbox_enter(int fd, size_t memory);
