/* tests/server/jobs/files/test_removal.c -- what a long job leaves goes little by little, and the
 * space that its rows had comes back. */
#include "server/jobs/files/removal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/files/file_read.h"
#include "server/jobs/files/job_files.h"
#include "tests/check.h"
#include "tests/server/store/store_fixture.h"

enum { POINTS = 5000 };  // some slices of rows

static void add_points(StoreFixture *f, int64_t job_id)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int64_t step = 1; step <= POINTS; step++) {
        const PointRow row = {.step = step};
        CHECK_OK(store_put_point(f->store, job_id, &row, &f->err), f->err);
    }
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static void remove_job(StoreFixture *f, int64_t id)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_remove_job(f->store, id, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static size_t points_left(StoreFixture *f, int64_t id)
{
    PointList points;
    CHECK_OK(store_points(f->store, (SeriesPage){.job_id = id}, &points, &f->err), f->err);
    const size_t count = points.count;
    point_list_free(&points);
    return count;
}

static size_t removals_left(StoreFixture *f)
{
    RemovalList list;
    CHECK_OK(store_removals(f->store, 0, &list, &f->err), f->err);
    const size_t count = list.count;
    removal_list_free(&list);
    return count;
}

/* Says yes so many times. */
static bool count_down(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}

static void finish(StoreFixture *f, RemovalRules rules)
{
    CHECK_OK(removals_finish(f->scratch.path, f->store, rules, NULL, &f->err), f->err);
}

static void it_is_asked_between_steps_whether_to_go_on(void **state)
{
    StoreFixture *f = *state;
    JobInfo jobs[] = {add_job(f, JOB_STOPPED, 1), add_job(f, JOB_STOPPED, 2)};
    for (size_t i = 0; i < COUNT(jobs); i++) {
        add_points(f, jobs[i].id);
        remove_job(f, jobs[i].id);
    }
    // At the start each job is begun, since its files have to go.
    finish(f, (RemovalRules){.checkpoints = true, .rows_later = true});
    const size_t left = points_left(f, jobs[0].id);
    assert_in_range(left, 1, POINTS - 1);
    assert_int_equal(points_left(f, jobs[1].id), left);
    // The next time it goes on from there: two steps with the first, and then it is told to end.
    int yes = 1;
    finish(f, (RemovalRules){.go_on = count_down, .context = &yes});
    assert_int_equal(points_left(f, jobs[0].id), 0);
    assert_int_equal(points_left(f, jobs[1].id), left);
    assert_int_equal(removals_left(f), 2);
    finish(f, (RemovalRules){.go_on = NULL});
    assert_int_equal(removals_left(f), 0);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        assert_int_equal(points_left(f, jobs[i].id), 0);
        job_info_free(&jobs[i]);
    }
}

static int64_t store_bytes(StoreFixture *f)
{
    struct stat info;
    store_reopen(f);  // what is in the log comes into the file
    assert_int_equal(stat(scratch_path(&f->scratch, "store.db"), &info), 0);
    return (int64_t)info.st_size;
}

/* Not all of it: what comes next need not fetch it again. */
static void the_store_gives_space_back(void **state)
{
    enum { EVENTS = 750, TEXT = 32000, MIB = 1 << 20, SPARE = 16 * MIB };
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    bool more = true;
    int steps = 0;
    char *text = xcalloc(TEXT + 1, 1);
    memset(text, 'x', TEXT);
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int i = 0; i < EVENTS; i++) {
        Event event = {.job_id = job.id, .type = "note", .data = text};
        CHECK_OK(store_add_event(f->store, &event, &f->err), f->err);
    }
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    const int64_t full = store_bytes(f);
    assert_true(full >= (int64_t)EVENTS * TEXT);
    remove_job(f, job.id);
    finish(f, (RemovalRules){.go_on = NULL});
    assert_int_equal(store_bytes(f), full);
    for (; more; steps++)
        CHECK_OK(store_shrink(f->store, &more, &f->err), f->err);
    assert_in_range(store_bytes(f), SPARE - 2 * MIB, SPARE + MIB);
    assert_in_range(steps, 2, 100);
    free(text);
    job_info_free(&job);
}

static void put_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

/* A file of somebody's, and lost+found is out of reach, as from another mount: it stays, and the
 * removal is done all the same. */
static void what_is_not_ours_does_not_hold_a_removal_up(void **state)
{
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    const Path folder = job_folder(f->scratch.path, job.id);
    assert_int_equal(mkdir(scratch_path(&f->scratch, "jobs"), 0700), 0);
    assert_int_equal(mkdir(folder.text, 0700), 0);
    put_file(job_model_path(f->scratch.path, job.id, 10).text);
    put_file(path_in(folder.text, "notes.txt").text);
    put_file(scratch_path(&f->scratch, "lost+found"));
    remove_job(f, job.id);
    finish(f, (RemovalRules){.go_on = NULL});
    assert_int_equal(removals_left(f), 0);
    assert_true(file_is_gone(job_model_path(f->scratch.path, job.id, 10).text));
    assert_false(file_is_gone(path_in(folder.text, "notes.txt").text));
    job_info_free(&job);
}

static size_t count_in(FILE *file, const char *word)
{
    char line[400];
    size_t count = 0;
    rewind(file);
    while (fgets(line, sizeof line, file))
        count += strstr(line, word) != NULL;
    return count;
}

/* A folder in the place of a file cannot be removed, however often it is tried. */
static void what_cannot_go_is_told_once(void **state)
{
    StoreFixture *f = *state;
    FILE *file = tmpfile();
    assert_non_null(file);
    Log *log = log_new(fileno(file), LOG_INFO, LOG_AS_TEXT);
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    assert_int_equal(mkdir(scratch_path(&f->scratch, "jobs"), 0700), 0);
    assert_int_equal(mkdir(job_folder(f->scratch.path, job.id).text, 0700), 0);
    assert_int_equal(mkdir(job_model_path(f->scratch.path, job.id, 10).text, 0700), 0);
    remove_job(f, job.id);
    for (int i = 0; i < 3; i++) {
        const RemovalRules rules = {.again = i > 0};
        assert_false(removals_finish(f->scratch.path, f->store, rules, log, &f->err));
    }
    assert_true(log_end(log));
    assert_int_equal(count_in(file, "event=files_left"), 1);
    log_free(log);
    fclose(file);
    f->err = (Error){0};
    job_info_free(&job);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_asked_between_steps_whether_to_go_on, store_set_up,
                                        store_tear_down),
        cmocka_unit_test_setup_teardown(the_store_gives_space_back, store_set_up, store_tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_ours_does_not_hold_a_removal_up, store_set_up,
                                        store_tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_go_is_told_once, store_set_up, store_tear_down),
    };
    return RUN_TESTS(tests);
}
