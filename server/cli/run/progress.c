#include "server/cli/run/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/clock.h"

enum {
    MAX_COLUMNS = 240,
    BAR_COLUMNS = 24,
    BAR_MIN_COLUMNS = 6,
    PARTS = 4,
    PART_TEXT = 48,
    SAY = 1024
};
// Columns that the parts of the line are given, so that the bar keeps its length.
static const int PART_COLUMNS[PARTS] = {11, 9, 18, 12};
static const double REDRAW_SECONDS = 0.1;

/* A terminal that can move its cursor. */
static bool is_terminal(void)
{
    const char *type = getenv("TERM");
    return isatty(STDOUT_FILENO) && type && *type && strcmp(type, "dumb") != 0;
}

Progress progress_new(int epochs, int batch_size)
{
    return (Progress){.terminal = is_terminal(), .epochs = epochs, .batch_size = batch_size};
}

void duration_text(double seconds, char text[DURATION_TEXT])
{
    const double limit = 1e9;  // decades: no need to be exact
    const long s = lround(fmin(fmax(seconds, 0), limit));
    if (s < 60)
        snprintf(text, DURATION_TEXT, "%lds", s);
    else if (s < 3600)
        snprintf(text, DURATION_TEXT, "%ldm %02lds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, DURATION_TEXT, "%ldh %02ldm", s / 3600, s / 60 % 60);
    else
        snprintf(text, DURATION_TEXT, "%ldd %02ldh", s / 86400, s / 3600 % 24);
}

double seconds_left(const Progress *p, const TrainEvent *e)
{
    if (!(e->examples_per_second > 0))
        return -1;
    const double steps = (double)(e->total_steps - e->step);
    const double tests = (double)(p->epochs - e->epoch + 1);
    return steps * p->batch_size / e->examples_per_second + tests * p->test_seconds;
}

/* "loss 0.523", "acc 0.801", "63.2 examples/s", "12m 34s left": the same on a terminal and
 * elsewhere. The last is empty while it cannot be told. */
static void figures(const Progress *p, const TrainEvent *e, char parts[PARTS][PART_TEXT])
{
    snprintf(parts[0], PART_TEXT, "loss %.3f", e->loss);
    snprintf(parts[1], PART_TEXT, "acc %.3f", e->accuracy);
    snprintf(parts[2], PART_TEXT, "%.1f examples/s", e->examples_per_second);
    const double left = seconds_left(p, e);
    char duration[DURATION_TEXT];
    duration_text(left, duration);
    snprintf(parts[3], PART_TEXT, "%s left", duration);
    if (left < 0)
        parts[3][0] = '\0';
}

static void draw_bar(double done, int columns, char *text)
{
    const int filled = (int)(fmin(fmax(done, 0), 1) * columns);
    *text++ = '[';
    memset(text, '#', (size_t)filled);
    memset(text + filled, '-', (size_t)(columns - filled));
    text[columns] = ']';
    text[columns + 1] = '\0';
}

void progress_line(const Progress *p, const TrainEvent *e, int width, char *text, size_t size)
{
    char parts[PARTS][PART_TEXT];
    figures(p, e, parts);
    if (width >= (int)size)
        width = (int)size - 1;
    int at = snprintf(text, size, "epoch %lld/%d", (long long)e->epoch, p->epochs);

    // What comes first is worth most; the bar takes what is left over.
    int used = at, shown = 0;
    for (; shown < PARTS; shown++) {
        const int length = (int)strlen(parts[shown]);
        const int columns = 2 + (length > PART_COLUMNS[shown] ? length : PART_COLUMNS[shown]);
        if (used + columns > width)
            break;
        used += columns;
    }
    int columns = width - used - 4;
    columns = columns > BAR_COLUMNS ? BAR_COLUMNS : columns;
    if (columns >= BAR_MIN_COLUMNS && e->total_steps > 0) {
        char bar[BAR_COLUMNS + 3];
        draw_bar((double)e->step / (double)e->total_steps, columns, bar);
        at += snprintf(text + at, size - (size_t)at, "  %s", bar);
    }
    for (int i = 0; i < shown; i++)
        if (parts[i][0])
            at += snprintf(text + at, size - (size_t)at, "  %s", parts[i]);
    text[width > 0 ? width : 0] = '\0';
}

static int terminal_width(void)
{
    struct winsize window;
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    return known ? window.ws_col : 80;
}

/* In one piece, over the old one: no flicker. */
static void redraw(Progress *p, const TrainEvent *e)
{
    const double now = clock_seconds();
    if (p->line_shown && now - p->drawn_at < REDRAW_SECONDS)
        return;
    char line[MAX_COLUMNS], all[MAX_COLUMNS + 8];
    progress_line(p, e, terminal_width() - 1, line, sizeof line);
    const int length = snprintf(all, sizeof all, "\r%s\x1b[K", line);
    output_text(&p->output, all, (size_t)length);
    p->drawn_at = now;
    p->line_shown = true;
}

static void print_point(Progress *p, const TrainEvent *e)
{
    char parts[PARTS][PART_TEXT], line[PARTS * (PART_TEXT + 2) + 1] = "";
    size_t at = 0;
    figures(p, e, parts);
    for (int i = 0; i < PARTS; i++)
        if (parts[i][0])
            at += (size_t)snprintf(line + at, sizeof line - at, "  %s", parts[i]);
    output_line(&p->output, "epoch %.2f/%d  step %lld/%lld%s", e->epoch_position, p->epochs,
                (long long)e->step, (long long)e->total_steps, line);
}

void progress_event(Progress *p, const TrainEvent *e)
{
    if (e->type == TRAIN_EPOCH)
        p->test_seconds = e->test_seconds;
    const bool step = e->type == TRAIN_STEP || e->type == TRAIN_POINT;
    if (p->terminal && step)
        redraw(p, e);
    else if (e->type == TRAIN_POINT)
        print_point(p, e);
}

void progress_clear(Progress *p)
{
    static const char CLEAR[] = "\r\x1b[K";
    if (p->line_shown)
        output_text(&p->output, CLEAR, sizeof CLEAR - 1);
    p->line_shown = false;
}

void progress_say(Progress *p, const char *fmt, ...)
{
    char line[SAY];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    progress_clear(p);
    output_line(&p->output, "%s", line);
}
