/* server/daemon.h -- the daemon from its start to its end.
 *
 * Order   the port, jobs, HTTP, workers; then signals; then workers, HTTP, jobs.
 * Signals SIGTERM and SIGINT: no new jobs, running ones checkpoint, then the end, within 8 s
 *         whatever blocks; a second one ends the process at once (server/signals.h). SIGHUP:
 *         running jobs checkpoint.
 */
#pragma once
#include "core/base/error.h"
#include "server/config.h"

/* Runs until a signal ends it. False: it could not start; the message says why. */
bool daemon_run(const ServerConfig *config, Error *err);
