/* tests/server/base/threads/test_work_slot.c -- a thread that waits for work, and the piece that it
 * is at.
 */
#include "server/base/threads/work_slot.h"

#include <pthread.h>
#include <time.h>

#include "tests/check.h"

/* ---- The signal ---- */

static void no_wake_up_is_missed(void **state)
{
    (void)state;
    WorkSignal signal;
    WorkWait wait = {.retry_seconds = 1e-3};
    work_signal_init(&signal);
    assert_true(work_signal_wait(&signal, &wait));  // the first look
    const int64_t heard = wait.heard;
    // Those that come while the thread looks are one reason to look again.
    work_signal_wake(&signal);
    work_signal_wake(&signal);
    assert_true(work_signal_wait(&signal, &wait));
    assert_int_equal(wait.heard, heard + 2);
    assert_true(work_signal_pause(&signal, 1e-3));
    work_signal_destroy(&signal);
}

static void a_look_that_failed_is_tried_again_and_told_once(void **state)
{
    (void)state;
    WorkSignal signal;
    WorkWait wait = {.retry_seconds = 1e-3};
    const Error none = {0}, full = {.code = ERR_NO_SPACE};
    work_signal_init(&signal);
    assert_true(work_signal_wait(&signal, &wait));
    assert_true(work_wait_failed(&wait, &full));
    const int64_t heard = wait.heard;
    // Nothing comes: the time ends the wait.
    assert_true(work_signal_wait(&signal, &wait));
    assert_int_equal(wait.heard, heard);
    assert_false(work_wait_failed(&wait, &full));
    assert_true(work_signal_wait(&signal, &wait));
    assert_false(work_wait_failed(&wait, &none));
    // And after one that did not fail again.
    assert_true(work_wait_failed(&wait, &full));
    work_signal_destroy(&signal);
}

static void whoever_leaves_waits_no_more(void **state)
{
    (void)state;
    WorkSignal signal;
    WorkWait first = {0}, next = {.heard = 1},
             retry = {.retry_seconds = 3600, .heard = 1, .failed = true};
    work_signal_init(&signal);
    assert_false(work_signal_leaving(&signal));
    work_signal_leave(&signal);
    assert_true(work_signal_leaving(&signal));
    assert_false(work_signal_wait(&signal, &next));
    assert_false(work_signal_wait(&signal, &retry));
    assert_false(work_signal_pause(&signal, 3600));
    work_signal_wake(&signal);
    assert_false(work_signal_wait(&signal, &first));
    work_signal_destroy(&signal);
}

/* Counts its looks for work; ends when told to leave. */
typedef struct {
    WorkSignal signal;
    pthread_mutex_t lock;
    pthread_cond_t looked;
    int looks;
} Watched;

static void *look_for_work(void *context)
{
    Watched *w = context;
    WorkWait wait = {0};
    while (work_signal_wait(&w->signal, &wait)) {
        pthread_mutex_lock(&w->lock);
        w->looks++;
        pthread_cond_signal(&w->looked);
        pthread_mutex_unlock(&w->lock);
    }
    // A pause that lasts for hours ends as well.
    work_signal_pause(&w->signal, 3600);
    return NULL;
}

static void await_looks(Watched *w, int looks)
{
    pthread_mutex_lock(&w->lock);
    while (w->looks < looks)
        pthread_cond_wait(&w->looked, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void a_thread_that_waits_is_woken(void **state)
{
    (void)state;
    Watched w = {.looks = 0};
    pthread_t thread;
    work_signal_init(&w.signal);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.looked, NULL);
    assert_int_equal(pthread_create(&thread, NULL, look_for_work, &w), 0);
    for (int looks = 1; looks < 100; looks++) {
        await_looks(&w, looks);
        work_signal_wake(&w.signal);
    }
    await_looks(&w, 100);
    work_signal_leave(&w.signal);
    pthread_join(thread, NULL);
    assert_int_equal(w.looks, 100);
    pthread_cond_destroy(&w.looked);
    pthread_mutex_destroy(&w.lock);
    work_signal_destroy(&w.signal);
}

/* ---- The slot ---- */

static void what_is_under_way_is_read_and_cancelled_by_its_id(void **state)
{
    (void)state;
    WorkSlot slot;
    bool tell;
    int64_t done = 7, total = 8;
    work_slot_init(&slot);
    assert_false(work_slot_cancel(&slot, 3));
    work_slot_begin(&slot, 3);
    assert_true(work_slot_progress(&slot, 1, 10, &tell));
    work_slot_read(&slot, 4, &done, &total);
    assert_int_equal(done, 7);
    work_slot_read(&slot, 3, &done, &total);
    assert_int_equal(done, 1);
    assert_int_equal(total, 10);
    assert_false(work_slot_cancel(&slot, 4));
    assert_true(work_slot_go_on(&slot));
    assert_true(work_slot_cancel(&slot, 3));
    assert_false(work_slot_go_on(&slot));
    assert_false(work_slot_progress(&slot, 2, 10, &tell));
    assert_false(tell);
    work_slot_read(&slot, 3, &done, &total);
    assert_int_equal(done, 2);
    // The next one begins anew.
    work_slot_end(&slot);
    assert_false(work_slot_cancel(&slot, 3));
    work_slot_begin(&slot, 5);
    assert_true(work_slot_go_on(&slot));
    work_slot_read(&slot, 5, &done, &total);
    assert_int_equal(done, 0);
    assert_int_equal(total, 0);
    work_signal_leave(&slot.signal);
    assert_false(work_slot_go_on(&slot));
    assert_false(work_slot_progress(&slot, 1, 10, &tell));
    work_slot_destroy(&slot);
}

static void readers_hear_of_progress_again_and_again(void **state)
{
    (void)state;
    WorkSlot slot;
    work_slot_init(&slot);
    work_slot_begin(&slot, 1);
    int64_t done = 0;
    bool tell = false;
    while (!tell) {
        assert_true(work_slot_progress(&slot, ++done, 0, &tell));
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    work_slot_destroy(&slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_missed),
        cmocka_unit_test(a_look_that_failed_is_tried_again_and_told_once),
        cmocka_unit_test(whoever_leaves_waits_no_more),
        cmocka_unit_test(a_thread_that_waits_is_woken),
        cmocka_unit_test(what_is_under_way_is_read_and_cancelled_by_its_id),
        cmocka_unit_test(readers_hear_of_progress_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
