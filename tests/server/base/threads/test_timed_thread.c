/* tests/server/base/threads/test_timed_thread.c -- a thread that ends in time, and one that does
 * not. */
#include "server/base/threads/timed_thread.h"

#include "server/base/threads/work_signal.h"
#include "tests/check.h"

static void *run_until_told(void *context)
{
    WorkWait wait = {.heard = 1};  // all that there is: it waits for the next
    work_signal_wait(context, &wait);
    return NULL;
}

static void it_is_waited_for_no_longer_than_that(void **state)
{
    (void)state;
    WorkSignal end;
    TimedThread threads[3];
    Error err = {0};
    work_signal_init(&end);
    for (int i = 0; i < 3; i++)
        CHECK_OK(timed_thread_start(&threads[i], run_until_told, &end, "it", &err), err);
    assert_false(timed_thread_join(&threads[0], 1e-3));
    assert_false(timed_thread_join(&threads[1], 0));
    assert_false(timed_thread_join(&threads[1], -1));
    work_signal_wake(&end);
    for (int i = 0; i < 3; i++)
        assert_true(timed_thread_join(&threads[i], 3600));
    work_signal_destroy(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_waited_for_no_longer_than_that)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
