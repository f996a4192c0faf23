/* core/train/resume.h -- continue from the newest checkpoint that is whole, and tell what differs.
 *
 * Checkpoints are tried in the order given, the newest first. One that is missing, damaged or of
 * another network is skipped, and the report says why.
 */
#pragma once
#include "core/train/files/checkpoint.h"

/* A checkpoint that could not be used. */
typedef struct {
    char *path;
    Error why;
} SkippedCheckpoint;

/* What was another where the checkpoint was written: the results may differ in the last bits. */
typedef struct {
    // "cpu", "instructions", "precision", "threads", "oneDNN", "version", "kernels"
    const char *what;
    char then[CHECKPOINT_TEXT];
    char now[CHECKPOINT_TEXT];
} Difference;

enum { RESUME_MAX_DIFFERENCES = 7 };

typedef struct {
    char *path;  // the checkpoint loaded
    SkippedCheckpoint *skipped;
    int skipped_count;
    Difference differences[RESUME_MAX_DIFFERENCES];
    int difference_count;
} ResumeReport;

/* Load the first of `paths` that can be loaded; its state's machine is compared with *state's, and
 * *state becomes the checkpoint's, with the machine it had.
 * If none can be loaded, *err is the newest one's fault and nothing but the report is changed. */
bool resume_load(const char *const *paths, int path_count, ParamStore *params, TrainState *state,
                 Autotune *kernels, ResumeReport *report, Error *err);
/* Add that kernels of the checkpoint are not available here, which shows when they are needed. */
void resume_kernels_differ(ResumeReport *report);
void resume_report_free(ResumeReport *report);

/* The differences as one sentence; false if there are none. */
bool resume_sentence(const ResumeReport *report, char *text, size_t size);
