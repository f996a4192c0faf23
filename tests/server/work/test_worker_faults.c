/* tests/server/work/test_worker_faults.c -- what breaks fails one job alone, with its reason:
 * numbers, data, files, the store; and of several checkpoints the newest that is whole is taken. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/jobs/files/job_files.h"
#include "tests/check.h"
#include "tests/server/work/worker_fixture.h"

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

/* The folder of the job's files is a file: nothing can be written there, and the next job works. */
static void files_that_cannot_be_written_fail_one_job_alone(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":1}");
    const int64_t next = jobs_add(f, "{" TINY ",\"epochs\":1}");
    FILE *file = fopen(job_folder(f->scratch.path, id).text, "w");
    assert_non_null(file);
    fclose(file);
    Workers *workers = worker_start(f, 1, NULL);
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "io");
    job_info_free(&job);
    job = worker_wait_until_idle(f, next);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

/* The newest checkpoints are damaged, or gone: the one before is taken, to the same bits; its event
 * says so, and nothing of the damaged ones is deleted. */
static void a_damaged_checkpoint_leaves_the_one_before(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] =
        "{" TINY ",\"epochs\":6,\"checkpoint\":{\"every_epochs\":1,\"keep\":100}}";
    char want[65], got[65];
    worker_unbroken_hash(f, SETTINGS, want);
    const int64_t id = jobs_add(f, SETTINGS);
    Workers *workers = worker_start(f, 1, NULL);
    worker_wait_for_step(f, id, 3 * STEPS + 2);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    JobInfo job = worker_wait_until_idle(f, id);
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
    job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    job_info_free(&job);
    worker_check_series(f, id, 6);
    worker_latest_hash(f, id, got);
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
    Workers *workers = worker_start(f, 1, NULL);
    worker_wait_for_step(f, id, 2);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    JobInfo job = worker_wait_until_idle(f, id);
    job_info_free(&job);
    CheckpointList list;
    CHECK_OK(jobs_checkpoints(f->jobs, id, &list, &f->err), f->err);
    for (size_t i = 0; i < list.count; i++)
        flip_a_byte(job_training_path(f->scratch.path, id, list.items[i].step).text, 5000);
    const int64_t step = list.items[list.count - 1].step;
    checkpoint_list_free(&list);
    CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    char name[64];
    snprintf(name, sizeof name, "step_%d.training.safetensors", (int)step);
    assert_non_null(strstr(job.error.message, name));
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

/* A store that breaks while a job trains is not waited for: the job fails, and health says why. */
static void a_store_that_breaks_fails_the_job(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":100000}");
    Workers *workers = worker_start(f, 1, NULL);
    worker_wait_for_step(f, id, 2);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(scratch_path(&f->scratch, "store.db"), &other), SQLITE_OK);
    sqlite3_busy_timeout(other, 60000);
    assert_int_equal(
        sqlite3_exec(other, "ALTER TABLE points RENAME TO elsewhere", NULL, NULL, NULL), SQLITE_OK);
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "damaged");
    assert_non_null(strstr(job.error.message, "does not fit this program: no such table: points"));
    job_info_free(&job);
    assert_int_equal(
        sqlite3_exec(other, "ALTER TABLE elsewhere RENAME TO points", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
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
    Workers *workers = worker_start(f, 1, NULL);
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "not_a_number");
    assert_non_null(strstr(job.error.message, "a smaller learning_rate or a clip_norm may help"));
    assert_string_equal(job.stop_reason, "");
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

/* Another known set is there: it is no disk that may be mounted yet. */
static void missing_data_fails_the_job_with_its_name(void **state)
{
    static const char *const FILES[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    JobsFixture *f = *state;
    const Path mnist = path_in(f->scratch.path, "mnist");
    assert_int_equal(mkdir(mnist.text, 0700), 0);
    for (size_t i = 0; i < COUNT(FILES); i++) {
        FILE *file = fopen(path_in(mnist.text, FILES[i]).text, "w");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    const int64_t id = jobs_add(f, "{" TINY "}");
    Workers *workers = worker_start(f, 1, f->scratch.path);
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error.code, "not_found");
    assert_non_null(strstr(job.error.message, "fashion_mnist"));
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(files_that_cannot_be_written_fail_one_job_alone),
        CASE(a_damaged_checkpoint_leaves_the_one_before),
        CASE(a_job_without_a_whole_checkpoint_fails_and_says_which),
        CASE(a_store_that_breaks_fails_the_job),
        CASE(numbers_that_break_down_fail_the_job_and_keep_the_checkpoint),
        CASE(missing_data_fails_the_job_with_its_name),
    };
    return RUN_TESTS(tests);
}
