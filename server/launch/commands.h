/* server/launch/commands.h -- the commands of the program that a launched training is made of.
 * Nobody is told of them by --help. */
#pragma once

#define RANK_COMMAND  "rank"         // each rank
#define GUARD_COMMAND "guard-ranks"  // what stands between the daemon and the launcher: guard.h
