#include "server/cli/dataset_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "server/cli/run/interrupt.h"

enum { CLASSES_SHOWN = 24, LEFT_OUT_SHOWN = 10, GROUPS_SHOWN = 5, NAME_LEAST = 32, NAME_MOST = 60 };
static const double REDRAW_SECONDS = 0.1;

/* ---- Progress ---- */

DatasetProgress dataset_progress_new(bool visible)
{
    const char *type = getenv("TERM");
    const bool terminal = isatty(STDOUT_FILENO) && type && *type && strcmp(type, "dumb") != 0;
    return (DatasetProgress){.terminal = visible && terminal, .started_at = clock_seconds()};
}

bool dataset_progress_show(void *progress, int64_t done, int64_t total)
{
    DatasetProgress *p = progress;
    const double now = clock_seconds();
    if (p->terminal && now - p->drawn_at >= REDRAW_SECONDS) {
        char line[128];
        const int length = snprintf(line, sizeof line,
                                    "\r%" PRId64 " of %" PRId64 " pictures, %.0f a second\x1b[K",
                                    done, total, (double)done / (now - p->started_at + 1e-9));
        output_text(&p->output, line, (size_t)length);
        p->drawn_at = now;
        p->shown = true;
    }
    return interrupt_signal() == 0;
}

void dataset_progress_end(DatasetProgress *p)
{
    static const char CLEAR[] = "\r\x1b[K";
    if (p->shown)
        output_text(&p->output, CLEAR, sizeof CLEAR - 1);
    p->shown = false;
}

/* ---- The report ---- */

static void print_class(Output *out, int column, const char *name, int64_t train, int64_t test)
{
    output_line(out, "%.400s%*s %8" PRId64 " %8" PRId64, name, utf8_padding(name, column), "",
                train, test);
}

static void print_classes(Output *out, const ImportReport *r)
{
    const int shown = r->class_count < CLASSES_SHOWN ? r->class_count : CLASSES_SHOWN;
    int column = NAME_LEAST;
    for (int c = 0; c < shown; c++)
        column = utf8_widen(column, r->classes[c].name, NAME_MOST);
    output_line(out, "%-*s %8s %8s", column, "class", "train", "test");
    for (int c = 0; c < shown; c++)
        print_class(out, column, r->classes[c].name, r->classes[c].counts[PACKED_TRAIN],
                    r->classes[c].counts[PACKED_TEST]);
    if (r->class_count > shown)
        output_line(out, "and %d classes more", r->class_count - shown);
    print_class(out, column, "all", r->counts[PACKED_TRAIN], r->counts[PACKED_TEST]);
    output_line(out, "%s", "");
}

/* "JPEG 120, PNG 3" */
static void counts_text(const ReportCount *counts, size_t count, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s %" PRId64, i ? ", " : "",
                                 counts[i].code, counts[i].count);
}

static void print_pictures(Output *out, const ImportReport *r)
{
    char formats[256];
    const ReportPicture *p = r->pictures;
    counts_text(r->formats, r->format_count, formats, sizeof formats);
    output_line(out, "formats      %s", formats);
    output_line(out, "sizes        %d x %d smallest, %d x %d median, %d x %d largest",
                p[r->smallest].width, p[r->smallest].height, p[r->median].width,
                p[r->median].height, p[r->largest].width, p[r->largest].height);
    output_line(out, "stored as    %d x %d x %d, %s, %s", r->image.channels, r->image.size,
                r->image.size, fit_name(r->image.fit), filter_name(r->image.filter));
    if (r->image.channels == 3)
        output_line(out, "pixels       mean %.4f %.4f %.4f, deviation %.4f %.4f %.4f", r->mean[0],
                    r->mean[1], r->mean[2], r->deviation[0], r->deviation[1], r->deviation[2]);
    else
        output_line(out, "pixels       mean %.4f, deviation %.4f", r->mean[0], r->deviation[0]);
}

static void print_duplicates(Output *out, const ImportReport *r)
{
    size_t same = 0, near = 0;
    for (size_t i = 0; i < r->group_count; i++)
        ++*(r->groups[i].same_pixels ? &same : &near);
    output_line(out, "duplicates   %zu groups of equal pictures, %zu of pictures that look alike",
                same, near);
    for (size_t i = 0; i < r->group_count && i < GROUPS_SHOWN; i++) {
        const ReportGroup *g = &r->groups[i];
        const ReportPicture *a = &r->pictures[r->members[g->first]],
                            *b = &r->pictures[r->members[g->first + 1]];
        output_line(out, "  %s%s%s: %.200s, %.200s%s", g->same_pixels ? "equal" : "alike",
                    g->across_splits ? ", in training and test" : "",
                    g->different_labels ? ", in several classes" : "", a->path, b->path,
                    g->count > 2 ? ", ..." : "");
    }
}

static void print_left_out(Output *out, const ImportReport *r)
{
    char reasons[512];
    if (r->left_out.count == 0) {
        output_line(out, "left out     nothing");
        return;
    }
    counts_text(r->reasons, r->reason_count, reasons, sizeof reasons);
    output_line(out, "left out     %zu: %s", r->left_out.count, reasons);
    for (size_t i = 0; i < r->left_out.count && i < LEFT_OUT_SHOWN; i++)
        output_line(out, "  %.300s: %.300s", r->left_out.items[i].path,
                    r->left_out.items[i].reason);
    if (r->left_out.count > LEFT_OUT_SHOWN)
        output_line(out, "  and %zu more", r->left_out.count - LEFT_OUT_SHOWN);
}

void dataset_text_print(Output *out, const ImportReport *r, const char *folder, double seconds)
{
    print_classes(out, r);
    print_pictures(out, r);
    print_duplicates(out, r);
    print_left_out(out, r);
    for (size_t i = 0; i < r->warning_count; i++)
        output_line(out, "warning      %s", r->warnings[i].text);
    output_line(out, "%s", "");
    output_line(out, "%.400s: %zu pictures in %.1f s, %.0f a second", folder, r->picture_count,
                seconds, (double)r->picture_count / (seconds + 1e-9));
    output_line(out, "digest %s", r->digest);
}
