/* server/cli/run/progress.h -- how a training shows itself while it runs.
 *
 * On a terminal: one line that is redrawn in place, at most ten times a second and never wider than
 * the window. Elsewhere (a file, a pipe, TERM=dumb): a line for each point of the curve.
 */
#pragma once
#include "core/train/trainer/trainer.h"
#include "server/cli/output.h"

typedef struct {
    Output output;
    bool terminal;  // standard output is one that can redraw a line
    int epochs;
    int batch_size;
    double test_seconds;  // that the last evaluation took
    double drawn_at;      // clock
    bool line_shown;      // the line stands on the screen
} Progress;

Progress progress_new(int epochs, int batch_size);

/* Show where the training is. */
void progress_event(Progress *p, const TrainEvent *event);

/* A line that stays, in place of the moving one. */
void progress_say(Progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Remove the moving line. */
void progress_clear(Progress *p);

/* ---- Its parts ---- */

enum { DURATION_TEXT = 32 };

/* "47s", "12m 34s", "3h 05m", "2d 03h". */
void duration_text(double seconds, char text[DURATION_TEXT]);

/* Seconds until the last epoch has been evaluated; below 0 if it cannot be told yet. */
double seconds_left(const Progress *p, const TrainEvent *event);

/* The moving line in at most `width` columns; parts that do not fit are left out from the right. */
void progress_line(const Progress *p, const TrainEvent *event, int width, char *text, size_t size);
