#include "server/work/launched_silence.h"

#include <stdio.h>

enum {
    FIRST_NOTE = 20,  // the part of the limit after which the launcher is named
    UNLIMITED_NOTE_SECONDS = 30,
    LEAST_SECONDS = 20,  // of silence that a machine with much to do may make
};
/* Ranks that have missed one of theirs for as long as that say more. */
static const double GRACE = 1.05;

LaunchedSilence launched_silence(int limit, int ranks)
{
    const double named = limit > 0 ? (double)limit / FIRST_NOTE : UNLIMITED_NOTE_SECONDS;
    return (LaunchedSilence){.limit = limit, .ranks = ranks, .named = named};
}

void launched_silence_ends(LaunchedSilence *s)
{
    s->silent = 0;
}

static double limit_of(const LaunchedSilence *s)
{
    const double later = GRACE * s->limit;
    return !s->joined ? s->limit : later > LEAST_SECONDS ? later : LEAST_SECONDS;
}

static bool note(LaunchedSilence *s, Run *run, Error *err)
{
    char text[160], end[64] = "";
    if (s->limit > 0)
        snprintf(end, sizeof end, ", for at most %d s (launcher_seconds)", s->limit);
    snprintf(text, sizeof text,
             "the launcher has not started the %d ranks for %.0f s: it is waited for%s", s->ranks,
             s->silent, end);
    s->named = 2 * s->silent;
    return run_note(run, text, err);
}

bool launched_silence_goes_on(LaunchedSilence *s, double seconds, Run *run, Error *err)
{
    // Where this process itself stood still, what came meanwhile is there to be read.
    s->silent += seconds < 1 ? seconds : 1;
    s->over = s->limit > 0 && s->silent >= limit_of(s);
    if (s->over)
        return false;
    return s->joined || s->silent < s->named || note(s, run, err);
}

void launched_silence_text(const LaunchedSilence *s, char *text, size_t size)
{
    if (s->joined)
        snprintf(text, size, "rank 0 has not been heard of for %.0f s (launcher_seconds)",
                 s->silent);
    else
        snprintf(text, size,
                 "the launcher has not started the ranks within %d s (launcher_seconds)", s->limit);
}
