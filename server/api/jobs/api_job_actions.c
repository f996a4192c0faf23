/* Stop, resume and checkpoint a job. The answer is the job as it is now: 202 if something was done,
 * 200 if the job already was as requested. */
#include "server/api/api_common.h"

typedef bool (*Action)(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err);

/* Checked before the change, not within it: an action overwrites nothing that a client wrote. */
static bool check_conditions(App *app, const Request *req, int64_t id, Error *err)
{
    JobInfo job;
    // A damaged job, which cannot be shown, can be stopped.
    if (!request_is_conditional(req))
        return true;
    if (!jobs_get(app->jobs, id, &job, err))
        return false;
    const bool ok = request_allows(req, &job, err);
    job_info_free(&job);
    return ok;
}

static bool act(App *app, const Request *req, Action action, Response *res, Error *err)
{
    JobInfo job;
    int64_t id;
    bool changed;
    if (!request_job(req, &id, err))
        return false;
    if (request_has_input(req, res))
        return true;
    if (!check_conditions(app, req, id, err))
        return false;
    return action(app->jobs, id, &job, &changed, err)
           && respond_job(res, changed ? 202 : 200, &job);
}

bool stop_job(App *app, const Request *req, Response *res, Error *err)
{
    return act(app, req, jobs_stop, res, err);
}

bool resume_job(App *app, const Request *req, Response *res, Error *err)
{
    return act(app, req, jobs_resume, res, err);
}

bool checkpoint_job(App *app, const Request *req, Response *res, Error *err)
{
    return act(app, req, jobs_checkpoint, res, err);
}
