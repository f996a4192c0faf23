/* server/launch/guard.h -- the process that stands between the daemon and a launcher, so that no
 * rank on this machine outlives either.
 *
 * It runs the launcher and waits for its end or for the daemon's: the daemon holds the other end of
 * the pipe at GUARD_LIFE, and closes it, by its death, too. The launcher is then told to end, has a
 * few seconds, and is killed. Whatever it has left behind (the system gives orphans to this
 * process, their subreaper) is killed at last. Where the guard itself is killed, the system kills
 * the launcher, and the ranks end with their input.
 *
 * Source   prctl(2): PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG.
 */
#pragma once

enum {
    GUARD_LIFE = 3,  // descriptors of the guard, besides 0 to 2, which are the launcher's
    GUARD_LOCK = 4,  // a lock that is held until all have ended
};

/* Run the launcher and answer its exit code; 128 and the signal's number where one ended it, 127
 * where it cannot be started, with a line on standard error. `words` is NULL-terminated. */
int guard_run(char **words);
