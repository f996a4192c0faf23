/* server/launch/launch.h -- a launcher and its ranks, as the daemon holds them: lines to rank 0,
 * lines from it, and what the launcher says besides. From one thread.
 */
#pragma once
#include "core/base/error.h"

typedef struct Launch Launch;

typedef struct {
    const char *launcher;  // launcher.h
    int ranks;
    int lock;  // descriptor that stays open as long as anything of the launch lives; -1: none
} LaunchConfig;

/* Start the guard and with it the launcher. ERR_IO: the system has no process or pipe for it. */
bool launch_start(const LaunchConfig *config, Launch **launch, Error *err);

/* A line to rank 0, without its line feed. Does not wait: what the pipe does not take goes out
 * while launch_wait waits. */
void launch_send(Launch *launch, const char *line);

typedef enum {
    LAUNCH_NOTHING,  // the time is over
    LAUNCH_LINE,     // of standard output
    LAUNCH_WORDS,    // a line of standard error, which is remembered as well
    LAUNCH_CLOSED,   // nothing comes any more: all have ended
} LaunchNews;

/* Wait so long for news; *line is valid until the next call. */
LaunchNews launch_wait(Launch *launch, int ms, const char **line);

/* A line of standard output that was not rank 0's: remember it as the launcher's words. */
void launch_remember(Launch *launch, const char *line);

enum { LAUNCH_TEXT = 360 };

/* Close the input of the ranks, give all of them so long to end, and end what is left. Then nothing
 * of them is left on this machine. `how` becomes a sentence's part: "exit code 1, after it said:
 * ...". Frees *launch. */
void launch_end(Launch *launch, int grace_ms, char how[LAUNCH_TEXT]);
