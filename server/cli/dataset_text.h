/* server/cli/dataset_text.h -- an import as a person sees it: its progress and its report. */
#pragma once
#include "server/cli/output.h"
#include "server/data/import/report/report.h"

typedef struct {
    Output output;
    bool terminal;  // a line can be redrawn
    bool shown;
    double started_at, drawn_at;  // clock
} DatasetProgress;

/* `visible`: on a terminal, a line that is redrawn. */
DatasetProgress dataset_progress_new(bool visible);
/* An ImportProgress: goes on until a signal comes. */
bool dataset_progress_show(void *progress, int64_t done, int64_t total);
void dataset_progress_end(DatasetProgress *p);

/* The report in some forty lines; what has no room is counted. `seconds`: what the import took. */
void dataset_text_print(Output *out, const ImportReport *report, const char *folder,
                        double seconds);
