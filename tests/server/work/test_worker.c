/* tests/server/work/test_worker.c -- workers train real jobs, the tiny model on real images: to the
 * end, with stops, failures, budgets, and to the same bits however often they were interrupted. */
#include "server/work/worker.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/jobs/job_files.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

/* 8 steps an epoch, and with so few each is a point of the curve. */
#define TINY                                                                                       \
    "\"network\":\"googlenet_tiny\",\"image_size\":28,\"batch_size\":16,\"train_limit\":120,"      \
    "\"test_limit\":50,\"seed\":3,\"threads\":1,\"optimizer\":{\"learning_rate\":0.05,"            \
    "\"momentum\":0.9}"

enum { STEPS = 8 };

static Workers *start(JobsFixture *f, int count, const char *datasets)
{
    Workers *workers;
    const WorkersConfig config = {
        .workers = count, .threads = count, .data = f->scratch.path, .datasets = datasets};
    CHECK_OK(workers_start(f->jobs, &config, &workers, &f->err), f->err);
    return workers;
}

/* Wait for the end of a job's activity; its status then. */
static JobInfo wait_until_idle(JobsFixture *f, int64_t id)
{
    while (true) {
        const int64_t seen = events_last(jobs_notifier(f->jobs));
        JobInfo job;
        CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
        if (!job_status_active(job.status))
            return job;
        job_info_free(&job);
        if (!events_wait(jobs_notifier(f->jobs), seen, 60000))
            fail_msg("nothing has happened to job %d for a minute", (int)id);
    }
}

static void wait_for_step(JobsFixture *f, int64_t id, int64_t step)
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

/* The model's hash, as its row has it; checked against the file. */
static void latest_hash(JobsFixture *f, int64_t id, char sha256[65])
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

static void check_series(JobsFixture *f, int64_t id, int64_t epochs)
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

static void a_job_trains_to_its_end(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":3}");
    Workers *workers = start(f, 1, NULL);
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "completed");
    assert_int_equal(job.progress.step, 3 * STEPS);
    assert_int_equal(job.progress.total_steps, 3 * STEPS);
    assert_int_equal(job.latest.epoch, 3);
    assert_int_equal(job.environment.threads, 1);
    assert_true(strlen(job.environment.cpu) > 0);
    assert_true(strlen(job.environment.cpu_isa) > 0 && strlen(job.environment.onednn) > 0);
    assert_true(job.best.epoch >= 1 && job.best.checkpoint_step == job.best.epoch * STEPS);
    assert_true(job.progress.examples_per_second > 0);
    job_info_free(&job);
    check_series(f, id, 3);
    char sha256[65];
    latest_hash(f, id, sha256);
    const JobCounts counts = jobs_counts(f->jobs);
    assert_int_equal(counts.steps, 3 * STEPS);
    assert_int_equal(counts.examples, 3 * 120);
    assert_true(workers_stop(workers, 60));
}

/* The hash of the same job trained without a break. */
static void unbroken_hash(JobsFixture *f, const char *settings, char sha256[65])
{
    const int64_t id = jobs_add(f, settings);
    Workers *workers = start(f, 1, NULL);
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
    latest_hash(f, id, sha256);
    jobs_reopen(f);  // a daemon that left takes no work
}

static void a_stopped_job_goes_on_to_the_same_bits(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] = "{" TINY ",\"epochs\":6}";
    char want[65], got[65];
    unbroken_hash(f, SETTINGS, want);
    const int64_t id = jobs_add(f, SETTINGS);
    Workers *workers = start(f, 1, NULL);
    for (int stops = 1; stops <= 3; stops++) {
        wait_for_step(f, id, stops * STEPS + 2);
        CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
        JobInfo job = wait_until_idle(f, id);
        assert_int_equal(job.status, JOB_STOPPED);
        job_info_free(&job);
        CheckpointRow row;
        int fd;
        CHECK_OK(jobs_checkpoint_open(f->jobs, id, "latest", &row, &fd, &f->err), f->err);
        close(fd);
        assert_true(row.step >= stops * STEPS + 2);
        CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    }
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_int_equal(job.restart_count, 0);
    job_info_free(&job);
    check_series(f, id, 6);
    latest_hash(f, id, got);
    assert_string_equal(got, want);
    assert_true(workers_stop(workers, 60));
}

static void a_daemon_that_leaves_takes_up_its_job_again(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] = "{" TINY ",\"epochs\":4}";
    char want[65], got[65];
    unbroken_hash(f, SETTINGS, want);
    const int64_t id = jobs_add(f, SETTINGS);
    Workers *workers = start(f, 1, NULL);
    wait_for_step(f, id, STEPS + 3);
    assert_true(workers_stop(workers, 60));
    assert_int_equal(jobs_state(f, id), JOB_QUEUED);
    jobs_reopen(f);
    workers = start(f, 1, NULL);
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_int_equal(job.restart_count, 0);
    job_info_free(&job);
    check_series(f, id, 4);
    latest_hash(f, id, got);
    assert_string_equal(got, want);
    assert_true(workers_stop(workers, 60));
}

static void two_workers_train_two_jobs_at_a_time(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] = "{" TINY ",\"epochs\":20}";
    const int64_t one = jobs_add(f, SETTINGS), two = jobs_add(f, SETTINGS);
    Workers *workers = start(f, 2, NULL);
    wait_for_step(f, one, 1);
    wait_for_step(f, two, 1);
    const JobCounts counts = jobs_counts(f->jobs);
    assert_int_equal(counts.by_status[JOB_RUNNING], 2);
    CHECK_OK(jobs_stop(f->jobs, one, NULL, NULL, &f->err), f->err);
    CHECK_OK(jobs_stop(f->jobs, two, NULL, NULL, &f->err), f->err);
    for (int64_t id = one; id <= two; id++) {
        JobInfo job = wait_until_idle(f, id);
        assert_int_equal(job.status, JOB_STOPPED);
        job_info_free(&job);
    }
    assert_true(workers_stop(workers, 60));
}

static void early_stopping_and_budgets_are_successes(void **state)
{
    JobsFixture *f = *state;
    // No accuracy betters another by more than 1, so the second epoch is the last.
    const int64_t early =
        jobs_add(f, "{" TINY ",\"epochs\":50,\"early_stopping\":{\"patience\":1,\"min_delta\":1}}");
    const int64_t budget = jobs_add(f, "{" TINY ",\"epochs\":100000,\"max_seconds\":0.2}");
    Workers *workers = start(f, 1, NULL);
    JobInfo job = wait_until_idle(f, early);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "early_stopping");
    assert_int_equal(job.latest.epoch, 2);
    job_info_free(&job);
    check_series(f, early, 2);
    job = wait_until_idle(f, budget);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "max_seconds");
    assert_true(job.progress.step > 0 && job.progress.seconds < 60);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

static void numbers_that_break_down_fail_the_job_and_keep_the_checkpoint(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(
        f,
        "{\"network\":\"googlenet_tiny\",\"image_size\":28,\"batch_size\":16,\"train_limit\":120,"
        "\"test_limit\":50,\"threads\":1,\"epochs\":50,\"optimizer\":{\"learning_rate\":100,"
        "\"momentum\":0.99}}");
    Workers *workers = start(f, 1, NULL);
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "not_a_number");
    assert_non_null(strstr(job.error.message, "a smaller learning_rate may help"));
    assert_string_equal(job.stop_reason, "");
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

static void missing_data_fails_the_job_with_its_name(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY "}");
    Workers *workers = start(f, 1, f->scratch.path);
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "not_found");
    assert_non_null(strstr(job.error.message, "fashion_mnist"));
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

/* The folder of the job's files is a file: nothing can be written there, and the next job works. */
static void files_that_cannot_be_written_fail_one_job_alone(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":1}");
    const int64_t next = jobs_add(f, "{" TINY ",\"epochs\":1}");
    FILE *file = fopen(job_folder(f->scratch.path, id).text, "w");
    assert_non_null(file);
    fclose(file);
    Workers *workers = start(f, 1, NULL);
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "io");
    job_info_free(&job);
    job = wait_until_idle(f, next);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

static void a_checkpoint_comes_when_it_is_wanted(void **state)
{
    JobsFixture *f = *state;
    const int64_t id =
        jobs_add(f, "{" TINY ",\"epochs\":10000,\"checkpoint\":{\"every_epochs\":0,\"keep\":100}}");
    Workers *workers = start(f, 1, NULL);
    wait_for_step(f, id, 1);
    bool found = false;
    for (int i = 0; i < 5000 && !found; i++) {
        // A request that comes at the end of an epoch is answered by the checkpoint there: ask
        // again.
        CHECK_OK(jobs_checkpoint(f->jobs, id, NULL, NULL, &f->err), f->err);
        CheckpointList list;
        CHECK_OK(jobs_checkpoints(f->jobs, id, &list, &f->err), f->err);
        for (size_t k = 0; k < list.count; k++)
            found = found || list.items[k].step % STEPS != 0;
        checkpoint_list_free(&list);
        usleep(1000);
    }
    assert_true(found);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    JobInfo job = wait_until_idle(f, id);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

/* All that notes say of a job, each with a line of its own. */
static char *notes_of(JobsFixture *f, int64_t id)
{
    EventList events;
    char *text = xstrdup("");
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){.job_id = id}, &events, &f->err), f->err);
    for (size_t i = 0; i < events.count; i++) {
        if (strcmp(events.items[i].type, "note") != 0)
            continue;
        char *longer = xasprintf("%s%s\n", text, events.items[i].data);
        free(text);
        text = longer;
    }
    event_list_free(&events);
    return text;
}

static void flip_a_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    const int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

/* The newest checkpoints are damaged, or gone: the one before is taken, to the same bits; its event
 * says so, and nothing of the damaged ones is deleted. */
static void a_damaged_checkpoint_leaves_the_one_before(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] =
        "{" TINY ",\"epochs\":6,\"checkpoint\":{\"every_epochs\":1,\"keep\":100}}";
    char want[65], got[65];
    unbroken_hash(f, SETTINGS, want);
    const int64_t id = jobs_add(f, SETTINGS);
    Workers *workers = start(f, 1, NULL);
    wait_for_step(f, id, 3 * STEPS + 2);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    JobInfo job = wait_until_idle(f, id);
    job_info_free(&job);
    CheckpointList list;
    CHECK_OK(jobs_checkpoints(f->jobs, id, &list, &f->err), f->err);
    assert_true(list.count >= 4);
    const int64_t last = list.items[list.count - 1].step, before = list.items[list.count - 2].step;
    const int64_t good = list.items[list.count - 3].step;
    checkpoint_list_free(&list);
    flip_a_byte(job_training_path(f->scratch.path, id, last).text, 5000);
    assert_int_equal(unlink(job_training_path(f->scratch.path, id, before).text), 0);

    CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    job_info_free(&job);
    check_series(f, id, 6);
    latest_hash(f, id, got);
    assert_string_equal(got, want);
    char *notes = notes_of(f, id), name[64];
    snprintf(name, sizeof name, "step_%d.training.safetensors", (int)last);
    assert_non_null(strstr(notes, "a checkpoint cannot be used, the one before it is tried: "));
    assert_non_null(strstr(notes, name));
    free(notes);
    EventList events;
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){.job_id = id}, &events, &f->err), f->err);
    char resumed[64];
    bool found = false;
    snprintf(resumed, sizeof resumed, "{\"step\":%d}", (int)good);
    for (size_t i = 0; i < events.count; i++)
        found = found
                || (strcmp(events.items[i].type, "resumed") == 0
                    && strcmp(events.items[i].data, resumed) == 0);
    event_list_free(&events);
    assert_true(found);
    char *aside = xasprintf("lost+found/job_%d.step_%d.training.safetensors", (int)id, (int)last);
    assert_int_equal(access(scratch_path(&f->scratch, aside), F_OK), 0);
    free(aside);
    assert_true(workers_stop(workers, 60));
}

static void a_job_without_a_whole_checkpoint_fails_and_says_which(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":1000}");
    Workers *workers = start(f, 1, NULL);
    wait_for_step(f, id, 2);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    JobInfo job = wait_until_idle(f, id);
    job_info_free(&job);
    CheckpointList list;
    CHECK_OK(jobs_checkpoints(f->jobs, id, &list, &f->err), f->err);
    for (size_t i = 0; i < list.count; i++)
        flip_a_byte(job_training_path(f->scratch.path, id, list.items[i].step).text, 5000);
    const int64_t step = list.items[list.count - 1].step;
    checkpoint_list_free(&list);
    CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    char name[64];
    snprintf(name, sizeof name, "step_%d.training.safetensors", (int)step);
    assert_non_null(strstr(job.error.message, name));
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

/* The kernels that a job computed with are in the store, and the next of its kind is given them. */
static void kernels_are_recorded_and_taken_over(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":1}");
    Workers *workers = start(f, 1, NULL);
    JobInfo job = wait_until_idle(f, id);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
    jobs_reopen(f);
    jobs_add(f, "{" TINY ",\"epochs\":1}");
    Run *run = jobs_take(f);
    assert_non_null(run_kernels(run));
    assert_true(strlen(run_kernels(run)) > 20);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    // Another seed is another job: nothing is known of it.
    jobs_add(f, "{\"network\":\"googlenet_tiny\",\"seed\":4}");
    run = jobs_take(f);
    assert_null(run_kernels(run));
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
}

/* A store that breaks while a job trains is not waited for: the job fails, and health says why. */
static void a_store_that_breaks_fails_the_job(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":100000}");
    Workers *workers = start(f, 1, NULL);
    wait_for_step(f, id, 2);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(scratch_path(&f->scratch, "store.db"), &other), SQLITE_OK);
    sqlite3_busy_timeout(other, 60000);
    assert_int_equal(
        sqlite3_exec(other, "ALTER TABLE points RENAME TO elsewhere", NULL, NULL, NULL), SQLITE_OK);
    JobInfo job = wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "damaged");
    assert_non_null(strstr(job.error.message, "does not fit this program: no such table: points"));
    job_info_free(&job);
    assert_int_equal(
        sqlite3_exec(other, "ALTER TABLE elsewhere RENAME TO points", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_true(workers_stop(workers, 60));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_job_trains_to_its_end),
        CASE(a_stopped_job_goes_on_to_the_same_bits),
        CASE(a_daemon_that_leaves_takes_up_its_job_again),
        CASE(two_workers_train_two_jobs_at_a_time),
        CASE(early_stopping_and_budgets_are_successes),
        CASE(numbers_that_break_down_fail_the_job_and_keep_the_checkpoint),
        CASE(missing_data_fails_the_job_with_its_name),
        CASE(files_that_cannot_be_written_fail_one_job_alone),
        CASE(a_damaged_checkpoint_leaves_the_one_before),
        CASE(a_job_without_a_whole_checkpoint_fails_and_says_which),
        CASE(kernels_are_recorded_and_taken_over),
        CASE(a_store_that_breaks_fails_the_job),
        CASE(a_checkpoint_comes_when_it_is_wanted),
    };
    return RUN_TESTS(tests);
}
