#include "server/jobs/restart.h"

#include <stdio.h>

#include "server/jobs/events/event_data.h"

enum { MAX_IDLE_RESTARTS = 3 };

static bool give_up(Change *change, const Restart *restart, Error *err)
{
    JobInfo *job = &change->job;
    job->stop_reason[0] = '\0';
    snprintf(job->error.code, sizeof job->error.code, "%s", restart->code);
    snprintf(job->error.message, sizeof job->error.message,
             "%s %d times while this job ran, without a new checkpoint in between%s%s",
             restart->what, MAX_IDLE_RESTARTS + 1, restart->last[0] ? "; the last time " : "",
             restart->last);
    return change_status(change, JOB_FAIL, err);
}

bool change_restart(Change *change, const Restart *restart, Error *err)
{
    JobInfo *job = &change->job;
    if (job->idle_restarts >= MAX_IDLE_RESTARTS)
        return give_up(change, restart, err);
    bool has;
    char note[JOB_TEXT + 64];
    if (!change_has_checkpoint(change, &has, err))
        return false;
    snprintf(note, sizeof note, "%s; it %s", restart->how,
             has ? "goes on from its last checkpoint" : "begins anew: it had no checkpoint yet");
    job->restart_count++;
    job->idle_restarts++;
    return change_tell(change, "note", event_note(note), err)
           && change_status(change, JOB_INTERRUPT, err);
}
