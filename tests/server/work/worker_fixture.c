#include "tests/server/work/worker_fixture.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "server/jobs/files/job_files.h"
#include "tests/check.h"

Workers *worker_start(JobsFixture *f, int count, const char *datasets)
{
    Workers *workers;
    f->kernels = data_path(f->scratch.path, "kernels.txt");
    const WorkersConfig config = {.workers = count,
                                  .threads = count,
                                  .data = f->scratch.path,
                                  .datasets = datasets ? datasets : getenv("GOOGLENETD_DATASETS"),
                                  .kernels = f->kernels.text};
    CHECK_OK(workers_start(f->jobs, &config, &workers, &f->err), f->err);
    return workers;
}

static void post(void *context)
{
    sem_post(context);
}

/* Until there is an event after `seen`; false after a minute without one. */
static bool wait_for_event(Events *events, int64_t seen)
{
    const struct timespec until = clock_after(60);
    sem_t news;
    sem_init(&news, 0, 0);
    const int handle = events_listen(events, post, &news);
    bool late = false;
    while (events_last(events) <= seen && !late)
        late = sem_clockwait(&news, CLOCK_MONOTONIC, &until) != 0 && errno == ETIMEDOUT;
    events_unlisten(events, handle);
    sem_destroy(&news);
    return !late;
}

JobInfo worker_wait_until_idle(JobsFixture *f, int64_t id)
{
    while (true) {
        const int64_t seen = events_last(jobs_notifier(f->jobs));
        JobInfo job;
        CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
        if (!job_status_active(job.status))
            return job;
        job_info_free(&job);
        if (!wait_for_event(jobs_notifier(f->jobs), seen))
            fail_msg("nothing has happened to job %d for a minute", (int)id);
    }
}

void worker_wait_for_step(JobsFixture *f, int64_t id, int64_t step)
{
    int64_t now = 0;
    while (now < step) {
        JobInfo job;
        CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
        assert_true(job_status_active(job.status));
        now = job.progress.step;
        job_info_free(&job);
        usleep(500);
    }
}

void worker_latest_hash(JobsFixture *f, int64_t id, char sha256[65])
{
    CheckpointRow row;
    int fd;
    int64_t bytes;
    CHECK_OK(jobs_checkpoint_open(f->jobs, id, "latest", &row, &fd, &f->err), f->err);
    close(fd);
    CHECK_OK(
        file_digest(job_model_path(f->scratch.path, id, row.step).text, &bytes, sha256, &f->err),
        f->err);
    assert_string_equal(sha256, row.sha256);
    assert_int_equal(bytes, row.bytes);
}

void worker_check_series(JobsFixture *f, int64_t id, int64_t epochs)
{
    PointList points;
    EpochList rows;
    CHECK_OK(jobs_curve(f->jobs, (SeriesPage){.job_id = id}, &points, &f->err), f->err);
    CHECK_OK(jobs_epochs(f->jobs, (SeriesPage){.job_id = id}, &rows, &f->err), f->err);
    assert_int_equal(rows.count, epochs);
    for (size_t i = 0; i < rows.count; i++) {
        assert_int_equal(rows.items[i].epoch, i + 1);
        assert_int_equal(rows.items[i].step, (i + 1) * STEPS);
    }
    assert_int_equal(points.count, epochs * STEPS);
    for (size_t i = 0; i < points.count; i++)
        assert_int_equal(points.items[i].step, i + 1);
    // The point at an epoch's end is the epoch's mean.
    CHECK_NEAR(points.items[STEPS - 1].loss, rows.items[0].train_loss, 0);
    point_list_free(&points);
    epoch_list_free(&rows);
}

void worker_unbroken_hash(JobsFixture *f, const char *settings, char sha256[65])
{
    const int64_t id = jobs_add(f, settings);
    Workers *workers = worker_start(f, 1, NULL);
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
    worker_latest_hash(f, id, sha256);
    jobs_reopen(f);  // a daemon that left takes no work
}
