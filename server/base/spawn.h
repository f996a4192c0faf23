/* server/base/spawn.h -- how programs of ours are started. */
#pragma once
#include <spawn.h>

/* A group of its own, no signal blocked, and all as they are by default. Returns errno's number. */
int spawn_as_leader(posix_spawnattr_t *how);
