/* tests/server/jobs/test_fault_loops.c -- an operation with the n-th write, fsync, rename, unlink
 * or allocation failing, for n = 1, 2, 3 ... until it is through without meeting the fault. After
 * each failure: what was acknowledged is there, also after a restart; what was not can be asked for
 * again, and works; no descriptor is left open. (What is left of memory is told by the sanitizer.)
 */
#include <dirent.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/jobs/files/job_files.h"
#include "server/jobs/runs_private.h"
#include "server/store/store_sql.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

enum {
    MOST = 100000,  // an operation that meets more faults never ends
    EACH = 24,      // so many are tried one by one, then fewer and fewer
};

void fault_plan(const char *fault);
int fault_hits(void);

/* ---- Allocations of SQLite ---- */

static sqlite3_mem_methods real_memory;
static atomic_int allocations, failing_allocation;  // 0: none fails

static bool allocation_fails(void)
{
    const int failing = atomic_load(&failing_allocation);
    return failing > 0 && atomic_fetch_add(&allocations, 1) + 1 == failing;
}

static void *allocate(int size)
{
    return allocation_fails() ? NULL : real_memory.xMalloc(size);
}

static void *reallocate(void *memory, int size)
{
    return allocation_fails() ? NULL : real_memory.xRealloc(memory, size);
}

static void count_allocations(void)
{
    sqlite3_mem_methods counting;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    counting = real_memory;
    counting.xMalloc = allocate;
    counting.xRealloc = reallocate;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &counting), SQLITE_OK);
    // Its reserve of small pieces would hide most allocations from the loop.
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

/* ---- The loop ---- */

typedef struct {
    const char *call;  // "fsync", say; NULL: an allocation of SQLite
    const char *error;
} Kind;

static const Kind KINDS[] = {
#ifndef ALLOCATIONS_ONLY  // a sanitizer has its own idea of the other calls
    {"write", "EIO"}, {"write", "ENOSPC"}, {"fsync", "EIO"}, {"rename", "EIO"}, {"unlink", "EIO"},
#endif
    {NULL, NULL},
};

#ifdef ALLOCATIONS_ONLY
void fault_plan(const char *fault)
{
    (void)fault;
}

int fault_hits(void)
{
    return 0;
}
#endif

/* Let the n-th such call fail from here on. `text` holds the plan while it is in force. */
static void arm(const Kind *kind, const char *path, int n, char *text, size_t size)
{
    if (kind->call) {
        snprintf(text, size, "%s:%s:%d:1:%s", kind->call, path, n, kind->error);
        fault_plan(text);
    } else {
        atomic_store(&allocations, 0);
        atomic_store(&failing_allocation, n);
    }
}

/* How many such calls there were. */
static int disarm(const Kind *kind)
{
    const int met = kind->call ? fault_hits() : atomic_load(&allocations);
    fault_plan(NULL);
    atomic_store(&failing_allocation, 0);
    return met;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* One operation. `prepare` makes the job that it is done to. `act` does it: true if it was
 * acknowledged. `check`: its effect is there. */
typedef struct {
    int64_t (*prepare)(JobsFixture *f);
    bool (*act)(JobsFixture *f, int64_t id);
    void (*check)(JobsFixture *f, int64_t id);
} Operation;

static bool may_be_asked_again(ErrorCode code)
{
    return code == ERR_IO || code == ERR_NO_SPACE || code == ERR_NO_MEMORY;
}

/* A store that no job was in: to copy it costs a fraction of making it. */
static Scratch empty_store;

static void make_empty_store(void)
{
    void *state;
    jobs_set_up(&state);
    JobsFixture *f = state;
    jobs_close(f->jobs);
    assert_int_not_equal(access(scratch_path(&f->scratch, "store.db-wal"), F_OK), 0);
    empty_store = f->scratch;
    free(f);
}

static void copy_empty_store(const Scratch *to)
{
    enum { MOST_BYTES = 1 << 20 };
    static char bytes[MOST_BYTES];
    FILE *from = fopen(scratch_path(&empty_store, "store.db"), "rb");
    FILE *copy = fopen(scratch_path(to, "store.db"), "wb");
    assert_true(from && copy);
    const size_t size = fread(bytes, 1, sizeof bytes, from);
    assert_true(feof(from) && fwrite(bytes, 1, size, copy) == size);
    fclose(from);
    assert_int_equal(fclose(copy), 0);
}

static JobsFixture *set_up_from_copy(void)
{
    JobsFixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    copy_empty_store(&f->scratch);
    jobs_reopen(f);
    return f;
}

/* False once the fault was not met any more. */
static bool fail_nth(const Operation *operation, const Kind *kind, int n)
{
    char text[PATH_MAX + 64];
    const int descriptors = open_descriptors();
    JobsFixture *f = set_up_from_copy();
    void *state = f;
    const int64_t id = operation->prepare(f);
    f->err = (Error){0};
    arm(kind, f->scratch.path, n, text, sizeof text);
    bool done = operation->act(f, id);
    const bool met = disarm(kind) >= n;
    if (!done && (!met || !may_be_asked_again(f->err.code)))
        fail_msg("%s %d: code %d, %s", kind->call ? kind->call : "allocation", n, f->err.code,
                 f->err.message);
    if (done) {
        operation->check(f, id);
        jobs_reopen(f);
        operation->check(f, id);
    }
    // Once more, with a disk that works: nothing stands in its way.
    f->err = (Error){0};
    if (!done && !operation->act(f, id))
        fail_msg("%s %d, asked again: %s", kind->call ? kind->call : "allocation", n,
                 f->err.message);
    operation->check(f, id);
    jobs_reopen(f);
    operation->check(f, id);
    jobs_tear_down(&state);
    assert_int_equal(open_descriptors(), descriptors);
    return met;
}

static void fail_all(const Operation *operation)
{
    for (size_t k = 0; k < COUNT(KINDS); k++) {
        const Kind *kind = &KINDS[k];
        int n = 1;
        while (fail_nth(operation, kind, n)) {
            n += n < EACH ? 1 : 1 + n / 4;
            if (n > MOST)
                fail_msg("%s fails for ever", kind->call ? kind->call : "an allocation");
        }
        // Each of these operations writes, syncs and allocates: the faults have really been met.
        const bool always =
            !kind->call || strcmp(kind->call, "write") == 0 || strcmp(kind->call, "fsync") == 0;
        assert_true(!always || n > 1);
    }
}

/* ---- The operations ---- */

static int64_t nothing(JobsFixture *f)
{
    (void)f;
    return 1;
}

static bool create(JobsFixture *f, int64_t id)
{
    JobSpec spec;
    Faults faults = {0};
    JobInfo job;
    bool replayed;
    cJSON *json = cJSON_Parse("{}");
    assert_true(spec_read(json, (SpecRules){0}, &spec, &faults));
    const JobRequest request = {.spec = &spec, .key = {"key", "POST /v1/jobs abc"}};
    const bool ok = jobs_create(f->jobs, &request, &job, &replayed, &f->err);
    if (ok) {
        assert_int_equal(job.id, id);
        job_info_free(&job);
    }
    spec_free(&spec);
    cJSON_Delete(json);
    return ok;
}

static void is_queued(JobsFixture *f, int64_t id)
{
    assert_int_equal(jobs_state(f, id), JOB_QUEUED);
    assert_int_equal(jobs_counts(f->jobs).by_status[JOB_QUEUED], 1);
}

static int64_t queued(JobsFixture *f)
{
    return jobs_add(f, "{}");
}

static bool stop(JobsFixture *f, int64_t id)
{
    return jobs_stop(f->jobs, id, NULL, NULL, &f->err);
}

static void is_stopped(JobsFixture *f, int64_t id)
{
    assert_int_equal(jobs_state(f, id), JOB_STOPPED);
    assert_int_equal(jobs_counts(f->jobs).by_status[JOB_STOPPED], 1);
    assert_int_equal(jobs_counts(f->jobs).by_status[JOB_QUEUED], 0);
}

static int64_t stopped(JobsFixture *f)
{
    const int64_t id = queued(f);
    assert_true(stop(f, id));
    return id;
}

static bool resume(JobsFixture *f, int64_t id)
{
    return jobs_resume(f->jobs, id, NULL, NULL, &f->err);
}

static bool give_name(void *context, JobInfo *job, Error *err)
{
    (void)context;
    (void)err;
    snprintf(job->name, sizeof job->name, "renamed");
    return true;
}

static bool rename_job(JobsFixture *f, int64_t id)
{
    return jobs_edit(f->jobs, id, give_name, NULL, NULL, &f->err);
}

static void is_renamed(JobsFixture *f, int64_t id)
{
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_string_equal(job.name, "renamed");
    job_info_free(&job);
}

/* A job that ran to step 30, with a checkpoint at 10 and 20, and was stopped. */
static int64_t trained(JobsFixture *f)
{
    const int64_t id = queued(f);
    Run *run = jobs_take(f);
    run_records_point(f, run, 10);
    run_records_checkpoint(f, run, 10, false, 5);
    run_records_epoch(f, run, 1, 20, 0.5);
    run_records_checkpoint(f, run, 20, true, 5);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    return id;
}

static bool delete (JobsFixture *f, int64_t id)
{
    // Deleting is over when the row is gone; the call that was answered is not asked again.
    return jobs_delete(f->jobs, id, NULL, NULL, &f->err) || f->err.code == ERR_NOT_FOUND;
}

static void is_deleted(JobsFixture *f, int64_t id)
{
    JobInfo job;
    EventList events;
    CHECK_REFUSED(jobs_get(f->jobs, id, &job, &f->err), f->err, ERR_NOT_FOUND,
                  "there is no job job_1");
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){0}, &events, &f->err), f->err);
    assert_string_equal(events.items[events.count - 1].type, "deleted");
    event_list_free(&events);
    // Whatever was in the way, a restart finishes it, and nothing of it counts as lost.
    jobs_reopen(f);
    assert_int_not_equal(access(job_folder(f->scratch.path, id).text, F_OK), 0);
    assert_int_not_equal(access(scratch_path(&f->scratch, "lost+found"), F_OK), 0);
}

/* A run's own calls wait until the disk works, and so succeed with any one fault. */
static bool run_to_a_checkpoint(JobsFixture *f, int64_t id)
{
    Run *run = jobs_take(f);
    assert_int_equal(run_job(run)->id, id);
    run_records_point(f, run, 10);
    run_records_checkpoint(f, run, 10, false, 1);
    run_records_point(f, run, 20);
    run_records_checkpoint(f, run, 20, false, 1);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    return true;
}

static void has_one_checkpoint(JobsFixture *f, int64_t id)
{
    CheckpointList list;
    PointList points;
    assert_int_equal(jobs_state(f, id), JOB_SUCCEEDED);
    CHECK_OK(jobs_checkpoints(f->jobs, id, &list, &f->err), f->err);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].step, 20);
    checkpoint_list_free(&list);
    CHECK_OK(jobs_curve(f->jobs, (SeriesPage){.job_id = id}, &points, &f->err), f->err);
    assert_int_equal(points.count, 2);
    point_list_free(&points);
    assert_int_equal(access(job_training_path(f->scratch.path, id, 20).text, F_OK), 0);
    assert_int_equal(access(job_model_path(f->scratch.path, id, 20).text, F_OK), 0);
}

/* Dies with a job that ran, and files that no row knows. */
static int64_t dead(JobsFixture *f)
{
    const int64_t id = queued(f);
    Run *run = jobs_take(f);
    run_records_point(f, run, 10);
    run_records_checkpoint(f, run, 10, false, 1);
    run_free(run);
    CHECK_OK(folder_make(job_folder(f->scratch.path, 7).text, &f->err), f->err);
    jobs_close(f->jobs);
    f->jobs = NULL;
    return id;
}

static bool start(JobsFixture *f, int64_t id)
{
    (void)id;
    const JobsConfig config = {.data = f->scratch.path, .max_jobs = 5, .retry_ms = 1};
    return jobs_open(&config, &f->jobs, &f->err);
}

static void is_recovered(JobsFixture *f, int64_t id)
{
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_QUEUED);
    assert_int_equal(job.restart_count, 1);
    job_info_free(&job);
    assert_int_equal(access(job_training_path(f->scratch.path, id, 10).text, F_OK), 0);
    // Where it could not be moved it stays, until a start that can.
    jobs_reopen(f);
    assert_int_equal(access(scratch_path(&f->scratch, "lost+found/job_7"), F_OK), 0);
}

/* A store of the first schema, with a job in it. */
static int64_t first_schema(JobsFixture *f)
{
    jobs_close(f->jobs);
    f->jobs = NULL;
    const char *path = scratch_path(&f->scratch, "store.db");
    Db db = {0};
    static const char *const FILES[] = {"store.db", "store.db-wal", "store.db-shm"};
    for (size_t i = 0; i < COUNT(FILES); i++)
        unlink(scratch_path(&f->scratch, FILES[i]));
    assert_int_equal(sqlite3_open(path, &db.sqlite), SQLITE_OK);
    CHECK_OK(schema_apply(&db, path, (SchemaSteps){schema_steps().sql, 1}, &f->err), f->err);
    CHECK_OK(sql_run(&db, &f->err,
                     "INSERT INTO jobs VALUES (1, 'old', 'running', '', 1, 2, 3, 0,"
                     " '{\"model\":\"googlenet_tiny\"}', '{}', 0, 0, 0, 8, 9, 1, 0, 0, 0, 0, 0, 0,"
                     " 0, 0, 0, 0, 0, 0, 0, 'avx2', 2, '3.7', '1', '', '')",
                     ""),
             f->err);
    assert_int_equal(sqlite3_close(db.sqlite), SQLITE_OK);
    return 1;
}

static void is_migrated(JobsFixture *f, int64_t id)
{
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_string_equal(job.name, "old");
    assert_int_equal(job.status, JOB_QUEUED);
    assert_string_equal(job.settings, "{\"network\":\"googlenet_tiny\"}");
    job_info_free(&job);
}

#define LOOP(name, ...)                                                                            \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        static const Operation OPERATION = {__VA_ARGS__};                                          \
        fail_all(&OPERATION);                                                                      \
    }

LOOP(creating_survives_every_fault, nothing, create, is_queued)
LOOP(stopping_survives_every_fault, queued, stop, is_stopped)
LOOP(resuming_survives_every_fault, stopped, resume, is_queued)
LOOP(renaming_survives_every_fault, queued, rename_job, is_renamed)
LOOP(deleting_survives_every_fault, trained, delete, is_deleted)
LOOP(training_survives_every_fault, queued, run_to_a_checkpoint, has_one_checkpoint)
LOOP(a_start_after_a_death_survives_every_fault, dead, start, is_recovered)
LOOP(a_migration_survives_every_fault, first_schema, start, is_migrated)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creating_survives_every_fault),
        cmocka_unit_test(stopping_survives_every_fault),
        cmocka_unit_test(resuming_survives_every_fault),
        cmocka_unit_test(renaming_survives_every_fault),
        cmocka_unit_test(deleting_survives_every_fault),
        cmocka_unit_test(training_survives_every_fault),
        cmocka_unit_test(a_start_after_a_death_survives_every_fault),
        cmocka_unit_test(a_migration_survives_every_fault),
    };
    // Thousands of syncs, none of which needs a real disk.
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    count_allocations();
    make_empty_store();
    const int failed = RUN_TESTS(tests);
    scratch_free(&empty_store);
    return failed;
}
