/* server/launch/report.h -- what rank 0 of a launched training and the daemon say to each other.
 *
 * Both ways it is lines of text, through the launcher: it gives its standard input to rank 0 and
 * brings back what rank 0 prints. Rank 0 prints reports, JSON objects whose first member is
 * "googlenetd" and says what it is:
 *
 *     {"googlenetd":"hello","version":...,"ranks":2}     it is there, before all but "alive"
 *     {"googlenetd":"ready","epoch_steps":...,...}       its trainer is made
 *     {"googlenetd":"point","step":...,"loss":...,...}   an event of the trainer, by its name
 *     {"googlenetd":"alive"}                             each second, whatever it computes
 *     {"googlenetd":"saved"}                             the model file that was asked for is there
 *     {"googlenetd":"failed","code":...,"message":...}   it is not; or the training has failed
 *     {"googlenetd":"done"} or "stopped"                 the training is over; nothing follows
 *
 * A line that is no report is somebody else's, and one of the launcher's words.
 *
 * The daemon's first line is the order (order.h). Then come, when they come, "checkpoint" and
 * "stop", to be heeded after the step. After each event "checkpoint" and "checkpoint_failed" rank 0
 * waits: "model PATH" has it write the weights there, as often as it is asked; "go_on", "again" and
 * "end" are the answers TRAIN_GO_ON, TRAIN_CHECKPOINT_NOW and TRAIN_STOP. When its input ends, rank
 * 0 ends at once, and the launcher all others with it.
 */
#pragma once
#include <cJSON.h>

#include "core/train/trainer/trainer.h"

typedef enum {
    REPORT_OTHER,  // not a report
    REPORT_HELLO,
    REPORT_READY,
    REPORT_ALIVE,
    REPORT_EVENT,
    REPORT_SAVED,
    REPORT_FAILED,
    REPORT_STOPPED,
    REPORT_DONE,
} ReportType;

typedef struct {
    ReportType type;
    int ranks;                // REPORT_HELLO
    TrainState where;         // REPORT_READY: cpu, cpu_isa, onednn, version, threads
    int64_t epoch_steps;      // REPORT_READY
    TrainEvent event;         // REPORT_EVENT; texts live as long as the report
    ResumeReport resumed;     // of TRAIN_RESUMED: those that were skipped
    TransferReport transfer;  // of TRAIN_INITIALIZED
    Error error;              // REPORT_FAILED, and of TRAIN_CHECKPOINT_FAILED
    cJSON *json;              // what it was read from
} Report;

/* By TrainAnswer: how the daemon answers a checkpoint. */
enum { REPORT_ANSWERS = 3 };
extern const char *const REPORT_ANSWER_NAMES[REPORT_ANSWERS];

/* The line of an event, from malloc, without the line feed. */
char *report_event_line(const TrainEvent *event, const Trainer *trainer);
char *report_hello_line(int ranks);
char *report_ready_line(const TrainState *where, int64_t epoch_steps);
char *report_failed_line(const Error *err);
/* "alive", "saved", "stopped" or "done". */
char *report_word_line(const char *word);

/* Never fails: what is no report is REPORT_OTHER. Its event points into *report, which is therefore
 * not to be copied. */
void report_read(const char *line, Report *report);
/* Whether a line that is no report has rank 0's first one in it: something labels its lines. */
bool report_is_framed(const char *line);
void report_free(Report *report);  // takes {0}
