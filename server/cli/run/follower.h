/* server/cli/run/follower.h -- a rank of a training other than rank 0: it computes, and writes
 * nothing.
 */
#pragma once
#include "server/mpi/ranks.h"
#include "server/settings/spec.h"

/* Threads of each rank: the least that one of them may have, of those that the job asks for. */
int rank_threads(const Ranks *ranks, int asked);
/* What of the settings all ranks must share, as TrainConfig.settings: a line for each field, and
 * one with a digest of all, as long ones are compared by their beginning. From malloc. */
char *settings_lines(const JobSpec *spec);

/* Train with the others to the end or until a signal to any of them. False: *err says why. `trace`
 * may be NULL. */
bool follower_train(const JobSpec *spec, const Ranks *ranks, Trace *trace, Error *err);
