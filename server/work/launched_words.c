#include "server/work/launched_words.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"

enum {
    NOTE_SECONDS = 60,    // between two notes of one text
    NOTES_AT_MOST = 100,  // of a launch
    LOG_SECONDS = 60,
    LOGGED_AT_MOST = 1000,  // lines, within LOG_SECONDS
};

void launched_words_flush(LaunchedWords *w)
{
    if (w->left_out > 0)
        LOG(w->log, LOG_WARNING, "launcher_lines_left_out", log_int("job", run_job(w->run)->id),
            log_int("count", w->left_out));
    w->left_out = 0;
}

static void log_line(LaunchedWords *w, const char *line, double now)
{
    if (now - w->minute >= LOG_SECONDS) {
        launched_words_flush(w);
        w->minute = now;
        w->logged = 0;
    }
    if (w->logged == LOGGED_AT_MOST) {
        w->left_out++;
        return;
    }
    w->logged++;
    LOG(w->log, LOG_INFO, "launcher", log_int("job", run_job(w->run)->id), log_text("said", line));
}

bool launched_words_take(LaunchedWords *w, const char *line, bool tells, Error *err)
{
    static const char OURS[] = "googlenetd: ";
    const double now = clock_seconds();
    log_line(w, line, now);
    if (!tells || strncmp(line, OURS, strlen(OURS)) != 0 || w->notes == NOTES_AT_MOST)
        return true;
    if (strncmp(w->note, line, sizeof w->note - 1) == 0 && now - w->noted_at < NOTE_SECONDS)
        return true;
    snprintf(w->note, sizeof w->note, "%s", line);
    w->noted_at = now;
    w->notes++;
    return run_note(w->run, w->note + strlen(OURS), err);
}
