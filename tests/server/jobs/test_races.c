/* tests/server/jobs/test_races.c -- a run reports while others look at the jobs and steer them.
 *
 * What a run reports is told thousands of times with nothing in between, beside threads that read
 * it: a lock that was left out is then a race that TSan sees, which a whole training, where
 * other locks order most of what happens, would hide. Without TSan it is a test of counting.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "server/jobs/runs.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

enum { STEPS = 500, LOOKS = 200, ACTS = 20, MAX_READERS = 9 };

typedef struct {
    Jobs *jobs;
    int64_t id;
    Run *run;
    int points;
    int64_t followed;  // the last event that follow_events has seen
    atomic_bool over;
    atomic_int failures;
} Scene;

/* Something that a reader does again and again until the scene is over. */
typedef bool Look(Scene *scene, Error *err);

static bool look_at_job(Scene *scene, Error *err)
{
    JobInfo job;
    if (!jobs_get(scene->jobs, scene->id, &job, err))
        return false;
    job_info_free(&job);
    return true;
}

static bool look_at_counts(Scene *scene, Error *err)
{
    (void)err;
    return jobs_counts(scene->jobs).examples >= 0;
}

static bool look_at_silence(Scene *scene, Error *err)
{
    (void)err;
    return jobs_silence(scene->jobs) >= 0;
}

static bool look_at_events(Scene *scene, Error *err)
{
    (void)err;
    Events *events = jobs_notifier(scene->jobs);
    return events_last(events) <= events_range(events).last;
}

static bool read_rows(Scene *scene, Error *err)
{
    const SeriesPage page = {.job_id = scene->id, .limit = 3};
    PointList points;
    EventList events;
    if (!jobs_curve(scene->jobs, page, &points, err))
        return false;
    point_list_free(&points);
    if (!jobs_events(scene->jobs, page, &events, err))
        return false;
    event_list_free(&events);
    return true;
}

/* Whoever has read an event may come back with it at once. One reader alone does this. */
static bool follow_events(Scene *scene, Error *err)
{
    EventList list;
    if (!jobs_events(scene->jobs, (SeriesPage){.after = scene->followed}, &list, err))
        return false;
    if (list.count > 0)
        scene->followed = list.items[list.count - 1].id;
    event_list_free(&list);
    return events_cursor_known(jobs_notifier(scene->jobs), NULL, scene->followed)
           || fail(err, ERR_CONFLICT, "event %lld is not known", (long long)scene->followed);
}

static bool look_at_readiness(Scene *scene, Error *err)
{
    // Where all cores are busy a commit may take as long as that of a disk that has stalled.
    return jobs_ready(scene->jobs, err) || err->code == ERR_IO;
}

static bool ask_for_checkpoints(Scene *scene, Error *err)
{
    (void)err;
    jobs_checkpoint_all(scene->jobs);
    return true;
}

/* Another name each time: the same one would not be written. */
static bool edit_name(void *context, JobInfo *job, Error *err)
{
    (void)context, (void)err;
    const bool again = strcmp(job->name, "again") == 0;
    snprintf(job->name, sizeof job->name, "%s", again ? "and again" : "again");
    return true;
}

static bool rename_it(Scene *scene, Error *err)
{
    return jobs_edit(scene->jobs, scene->id, edit_name, NULL, NULL, err);
}

typedef struct {
    Scene *scene;
    Look *look;
    atomic_int looks;
} Reader;

static void *read_until_over(void *context)
{
    Reader *reader = context;
    while (!atomic_load_explicit(&reader->scene->over, memory_order_relaxed)) {
        Error err = {0};
        if (!reader->look(reader->scene, &err)) {
            fprintf(stderr, "%s\n", err.message);
            atomic_fetch_add(&reader->scene->failures, 1);
            break;
        }
        // Relaxed, as all that these threads say to each other here: it orders nothing.
        atomic_fetch_add_explicit(&reader->looks, 1, memory_order_relaxed);
    }
    return NULL;
}

static bool all_have_looked(Reader *readers, int count)
{
    for (int i = 0; i < count; i++) {
        if (atomic_load_explicit(&readers[i].looks, memory_order_relaxed) < LOOKS)
            return false;
    }
    return true;
}

/* `act` on the run again and again, until each of `looks` (NULL-terminated) was taken often. */
static int beside(Scene *scene, void (*act)(Scene *), Look *const *looks)
{
    pthread_t threads[MAX_READERS];
    Reader readers[MAX_READERS] = {0};
    int count = 0, acts = 0;
    atomic_store(&scene->over, false);
    for (; looks[count]; count++) {
        readers[count].scene = scene;
        readers[count].look = looks[count];
        assert_int_equal(pthread_create(&threads[count], NULL, read_until_over, &readers[count]),
                         0);
    }
    while ((acts < ACTS || !all_have_looked(readers, count))
           && atomic_load(&scene->failures) == 0) {
        act(scene);
        acts++;
    }
    atomic_store_explicit(&scene->over, true, memory_order_relaxed);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&scene->failures), 0);
    return acts;
}

static void make_steps(Scene *scene)
{
    for (int i = 1; i <= STEPS; i++) {
        const TrainEvent event = {.type = TRAIN_STEP, .step = i, .total_steps = STEPS, .epoch = 1};
        run_step(scene->run, (RunStep){&event, 32});
    }
}

static void make_parts(Scene *scene)
{
    for (int i = 0; i < STEPS; i++)
        run_part(scene->run);
}

static void send_heartbeats(Scene *scene)
{
    for (int i = 0; i < STEPS; i++)
        run_heartbeat(scene->run);
}

static void read_requests(Scene *scene)
{
    for (int i = 0; i < STEPS; i++)
        (void)run_requests(scene->run, true);
}

static void record_point(Scene *scene)
{
    const PointRow row = {.step = STEPS + ++scene->points, .epoch = 1, .seconds = 1};
    Error err = {0};
    if (!run_point(scene->run, &row, &err)) {
        fprintf(stderr, "%s\n", err.message);
        atomic_fetch_add(&scene->failures, 1);
    }
}

static void a_run_is_looked_at_and_steered(void **state)
{
    JobsFixture *f = *state;
    Scene scene = {.jobs = f->jobs, .id = jobs_add(f, "{\"network\":\"googlenet_tiny\"}")};
    scene.run = jobs_take(f);
    Look *const looks[] = {look_at_job, look_at_counts, look_at_silence, ask_for_checkpoints, NULL};
    const int64_t steps = (int64_t)STEPS * beside(&scene, make_steps, looks);
    beside(&scene, make_parts, looks);
    beside(&scene, send_heartbeats, looks);
    beside(&scene, read_requests, looks);
    Look *const others[] = {look_at_job,       look_at_events, read_rows,
                            read_rows,         rename_it,      look_at_readiness,
                            look_at_readiness, follow_events,  NULL};
    beside(&scene, record_point, others);

    const JobCounts counts = jobs_counts(f->jobs);
    assert_int_equal(counts.steps, steps);
    assert_int_equal(counts.examples, 32 * steps);
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, scene.id, &job, &f->err), f->err);
    assert_int_equal(job.progress.step, STEPS);
    assert_non_null(strstr(job.name, "again"));
    job_info_free(&job);
    run_end(scene.run, (RunEnd){RUN_SUCCEEDED, "completed", NULL});
}

/* ---- The last event of a job that is deleted ---- */

typedef struct {
    Jobs *jobs;
    int64_t id;
    atomic_int reads;
    Error err;  // where it ended without having seen that event
} Mourner;

static void *read_to_the_end(void *context)
{
    Mourner *m = context;
    SeriesPage page = {.job_id = m->id};
    for (bool over = false; !over;) {
        EventList list;
        if (!jobs_events(m->jobs, page, &list, &m->err))
            return NULL;
        if (list.count > 0) {
            page.after = list.items[list.count - 1].id;
            over = strcmp(list.items[list.count - 1].type, "deleted") == 0;
        }
        event_list_free(&list);
        atomic_fetch_add_explicit(&m->reads, 1, memory_order_relaxed);
    }
    return NULL;
}

static void whoever_reads_a_jobs_events_sees_its_end(void **state)
{
    JobsFixture *f = *state;
    for (int i = 0; i < ACTS; i++) {
        Mourner mourner = {.jobs = f->jobs, .id = jobs_add(f, "{\"network\":\"googlenet_tiny\"}")};
        pthread_t thread;
        CHECK_OK(jobs_stop(f->jobs, mourner.id, NULL, NULL, &f->err), f->err);
        assert_int_equal(pthread_create(&thread, NULL, read_to_the_end, &mourner), 0);
        while (atomic_load_explicit(&mourner.reads, memory_order_relaxed) < 2)
            sched_yield();
        CHECK_OK(jobs_delete(f->jobs, mourner.id, NULL, NULL, &f->err), f->err);
        pthread_join(thread, NULL);
        assert_string_equal(mourner.err.message, "");
    }
}

/* Threads that publish, prune, listen and leave. */
static void wake(void *context)
{
    atomic_fetch_add_explicit((atomic_int *)context, 1, memory_order_relaxed);
}

static void *publish(void *context)
{
    for (int i = 1; i <= STEPS; i++)
        events_publish(context, i);
    return NULL;
}

static void *prune(void *context)
{
    for (int i = 1; i <= STEPS; i++)
        events_pruned(context, i);
    return NULL;
}

static void *listen(void *context)
{
    atomic_int woken = 0;
    while (events_last(context) < STEPS) {
        const int handle = events_listen(context, wake, &woken);
        sched_yield();
        events_unlisten(context, handle);
    }
    return NULL;
}

static void *look_at_range(void *context)
{
    while (events_last(context) < STEPS)
        (void)(events_range(context).last + events_cursor_known(context, NULL, STEPS / 2));
    return NULL;
}

static void events_are_published_to_many(void **state)
{
    (void)state;
    Events *events = events_new((EventRange){.oldest = 1}, (LifeList){0});
    void *(*const ACTORS[])(void *) = {publish, prune, listen, listen, look_at_range};
    pthread_t threads[COUNT(ACTORS)];
    for (size_t i = 0; i < COUNT(ACTORS); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ACTORS[i], events), 0);
    for (size_t i = 0; i < COUNT(ACTORS); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(events_last(events), STEPS);
    events_free(events);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_looked_at_and_steered, jobs_set_up,
                                        jobs_tear_down),
        cmocka_unit_test_setup_teardown(whoever_reads_a_jobs_events_sees_its_end, jobs_set_up,
                                        jobs_tear_down),
        cmocka_unit_test(events_are_published_to_many),
    };
    return RUN_TESTS(tests);
}
