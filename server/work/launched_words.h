/* server/work/launched_words.h -- what a launcher and its ranks say besides reports: lines of the
 * daemon's log, and notes of the job. From one thread.
 */
#pragma once
#include "server/base/log.h"
#include "server/jobs/runs.h"

typedef struct {
    Run *run;
    Log *log;             // may be NULL
    char note[JOB_TEXT];  // the last one
    double noted_at;      // clock
    int notes;
    double minute;         // clock, from which on `logged` and `left_out` are counted
    int logged, left_out;  // lines
} LaunchedWords;

/* A line goes to the log, unless very many have within a minute: these are counted there. With
 * `tells` it becomes a note as well, where this program says it, in a rank; not the same one again
 * and again. False: as run_note. */
bool launched_words_take(LaunchedWords *words, const char *line, bool tells, Error *err);

/* The log gets the count of the lines that it has not got: at the end of a launch. */
void launched_words_flush(LaunchedWords *words);
