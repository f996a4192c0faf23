/* server/jobs/keeper.h -- looks after the store and its disk, on a thread of its own.
 *
 * It tries whether the store can be written, keeps the reserve of space (reserve.h) and the highest
 * ids (high_water.h), forgets old events (prune.h), and finishes deletions that could not be
 * finished at once. What it knows it answers from memory: none of these calls but keeper_release
 * waits for a disk.
 *
 * Space is short from the moment when the reserve was given away, or could not be made, until there
 * is room for it again. Ordinary writes wait for that; stops and deletions do not.
 */
#pragma once
#include "server/base/log.h"
#include "server/jobs/events/events.h"
#include "server/store/store.h"

typedef struct Keeper Keeper;

typedef struct {
    const char *data;  // all borrowed
    Store *store;
    Events *events;
    Log *log;
} KeeperConfig;

/* Makes the reserve, if there is room, and starts the thread. ERR_NO_MEMORY: no thread. */
bool keeper_start(const KeeperConfig *config, Keeper **keeper, Error *err);

/* End the thread, waiting so long for it. False: a disk holds it up, and it still uses all it was
 * given. Takes NULL. */
bool keeper_stop(Keeper *keeper, double seconds);

/* Whether jobs can be created and trained. Else ERR_NO_SPACE, ERR_IO, ERR_NO_MEMORY or ERR_DAMAGED
 * with the reason. As of the last write, or of the last look, which this call asks for anew. */
bool keeper_ready(Keeper *keeper, Error *err);

/* The same, without asking for a look. */
bool keeper_state(Keeper *keeper, Error *err);

/* Whether an ordinary write may be tried: ERR_NO_SPACE while space is short. */
bool keeper_admits(Keeper *keeper, Error *err);

/* What became of a write: NULL, or why it failed. */
void keeper_heard(Keeper *keeper, const Error *err);

/* The disk is full, and this cannot wait: give the reserve away. */
void keeper_release(Keeper *keeper);

void keeper_job_created(Keeper *keeper, int64_t id);
void keeper_dataset_created(Keeper *keeper, int64_t id);
void keeper_finish_removals(Keeper *keeper);  // soon
