#include "core/train/resume.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

static void compare(ResumeReport *report, const char *what, const char *then, const char *now)
{
    // Empty: the checkpoint is of a version that did not write it down.
    if (!*then || strcmp(then, now) == 0)
        return;
    Difference *d = &report->differences[report->difference_count++];
    d->what = what;
    snprintf(d->then, sizeof d->then, "%s", then);
    snprintf(d->now, sizeof d->now, "%s", now);
}

static void compare_machines(ResumeReport *report, const TrainState *then, const TrainState *now)
{
    char then_threads[16], now_threads[16];
    snprintf(then_threads, sizeof then_threads, "%d", then->threads);
    snprintf(now_threads, sizeof now_threads, "%d", now->threads);
    compare(report, "cpu", then->cpu, now->cpu);
    compare(report, "instructions", then->cpu_isa, now->cpu_isa);
    compare(report, "precision", then->precision, now->precision);
    compare(report, "threads", then_threads, now_threads);
    compare(report, "oneDNN", then->onednn, now->onednn);
    compare(report, "version", then->version, now->version);
}

/* The checkpoint's state, with the machine of `here`. */
static TrainState moved_here(TrainState state, const TrainState *here)
{
    memcpy(state.cpu, here->cpu, sizeof state.cpu);
    memcpy(state.cpu_isa, here->cpu_isa, sizeof state.cpu_isa);
    memcpy(state.precision, here->precision, sizeof state.precision);
    memcpy(state.onednn, here->onednn, sizeof state.onednn);
    memcpy(state.version, here->version, sizeof state.version);
    state.threads = here->threads;
    return state;
}

static void skip(ResumeReport *report, const char *path, const Error *why)
{
    const size_t count = (size_t)report->skipped_count + 1;
    report->skipped = xrealloc(report->skipped, count, sizeof *report->skipped);
    report->skipped[report->skipped_count++] = (SkippedCheckpoint){xstrdup(path), *why};
}

bool resume_load(const char *const *paths, int path_count, ParamStore *params, TrainState *state,
                 Autotune *kernels, ResumeReport *report, Error *err)
{
    TrainState there;
    Error why = {0};
    *report = (ResumeReport){0};
    for (int i = 0; i < path_count && !report->path; i++) {
        if (checkpoint_load(paths[i], params, &there, kernels, &why))
            report->path = xstrdup(paths[i]);
        else
            skip(report, paths[i], &why);
    }
    if (!report->path) {
        if (report->skipped_count > 0)
            *err = report->skipped[0].why;
        return path_count > 0 ? false : fail(err, ERR_INVALID, "there is no checkpoint to resume");
    }
    compare_machines(report, &there, state);
    *state = moved_here(there, state);
    return true;
}

void resume_kernels_differ(ResumeReport *report)
{
    compare(report, "kernels", "those of the checkpoint", "others");
}

void resume_report_free(ResumeReport *report)
{
    for (int i = 0; i < report->skipped_count; i++)
        free(report->skipped[i].path);
    free(report->skipped);
    free(report->path);
    *report = (ResumeReport){0};
}

static int append(char *text, size_t size, int used, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int append(char *text, size_t size, int used, const char *fmt, ...)
{
    const size_t at = (size_t)used < size ? (size_t)used : size;
    va_list args;
    va_start(args, fmt);
    const int added = vsnprintf(text + at, size - at, fmt, args);
    va_end(args);
    return used + added;
}

bool resume_sentence(const ResumeReport *report, char *text, size_t size)
{
    bool rounding = true;
    int used = append(text, size, 0, "since the checkpoint was written,");
    for (int i = 0; i < report->difference_count; i++) {
        const Difference *d = &report->differences[i];
        const char *joint = i == 0 ? " " : i == report->difference_count - 1 ? " and " : ", ";
        used =
            append(text, size, used, "%s%s changed from %s to %s", joint, d->what, d->then, d->now);
        rounding = rounding && strcmp(d->what, "precision") != 0;
    }
    used = append(text, size, used, ": results may differ%s", rounding ? " in the last bits" : "");
    text_finish(text, size, used);
    return report->difference_count > 0;
}
