/* server/jobs/restart.h -- a job whose training ended before it was done, unasked, is queued again;
 * one that does so again and again, without a new checkpoint in between, fails. Only the files of
 * the jobs include this.
 */
#pragma once
#include "server/jobs/change.h"

typedef struct {
    const char *how;   // what has happened, for the note of the restart
    const char *code;  // of the job's error, where it fails
    const char *what;  // "the daemon died": what has happened 4 times then
    const char *last;  // how it was the last time; "": nothing is known of it
} Restart;

/* The change is not committed here: the job is queued afterwards, or has failed. */
bool change_restart(Change *change, const Restart *restart, Error *err);
