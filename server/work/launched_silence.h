/* server/work/launched_silence.h -- how long a launcher is waited for: until the ranks have joined,
 * and then between two signs of rank 0, which gives one each second whatever it computes. From one
 * thread.
 */
#pragma once
#include "server/jobs/runs.h"

typedef struct {
    int limit;      // seconds; 0: any time
    int ranks;      // that are to join
    bool joined;    // they have
    bool over;      // the limit was reached
    double silent;  // seconds waited since the last sign
    double named;   // seconds of silence after which the launcher is named next
} LaunchedSilence;

LaunchedSilence launched_silence(int limit, int ranks);

/* Rank 0 was heard. */
void launched_silence_ends(LaunchedSilence *silence);

/* So many seconds more were waited in vain; until the ranks have joined, notes say so now and then.
 * False: the limit is reached, or as run_note. */
bool launched_silence_goes_on(LaunchedSilence *silence, double seconds, Run *run, Error *err);

/* "the launcher has not started the ranks within 600 s (launcher_seconds)", or the like. */
void launched_silence_text(const LaunchedSilence *silence, char *text, size_t size);
