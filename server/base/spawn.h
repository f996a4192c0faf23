/* server/base/spawn.h -- how programs of ours are started, and how they ended. */
#pragma once
#include <spawn.h>
#include <stddef.h>

/* Where the system says what it runs: this program, or its loader. */
#define SPAWN_SELF "/proc/self/exe"

/* What is started to have another process of this program. Installed with a C library of its own,
 * it runs under that library's loader, which /proc/self/exe then is; the script that does so names
 * itself in GOOGLENETD_PROGRAM. */
const char *spawn_program(void);

/* A group of its own, no signal blocked, and all as they are by default. Returns errno's number. */
int spawn_as_leader(posix_spawnattr_t *how);

/* What a wait status says: "exit code 1", "signal 9, Killed". An exit code above 128 is a signal
 * that ended a program of a shell, or of another that does as shells do. As snprintf. */
int spawn_status_text(int status, char *text, size_t size);
