/* tests/server/http/test_handler_pool.c -- nobody who hands work over waits, and all is done. */
#include "server/http/handler_pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/check.h"

enum { MANY = 1000 };

typedef struct {
    Task task;
    atomic_int *done;
    sem_t *began, *go;  // NULL: it does not wait
} Work;

static void work(Task *task)
{
    Work *w = (Work *)(void *)task;  // its first member
    if (w->began)
        sem_post(w->began);
    if (w->go)
        sem_wait(w->go);
    atomic_fetch_add(w->done, 1);
}

static void all_that_was_taken_is_done_before_the_stop_returns(void **state)
{
    static Work items[MANY];
    atomic_int done = 0;
    (void)state;
    HandlerPool *pool = handler_pool_new(3, MANY);
    assert_non_null(pool);
    for (int i = 0; i < MANY; i++) {
        items[i] = (Work){.task.run = work, .done = &done};
        assert_true(handler_pool_add(pool, &items[i].task, false));
    }
    assert_true(handler_pool_stop(pool, 60));
    assert_int_equal(done, MANY);
    assert_false(handler_pool_add(pool, &items[0].task, false));
    assert_false(handler_pool_add(pool, &items[0].task, true));
    handler_pool_free(pool);
}

static void a_full_queue_says_so_but_not_to_what_is_counted_elsewhere(void **state)
{
    atomic_int done = 0;
    sem_t began, go;
    (void)state;
    sem_init(&began, 0, 0);
    sem_init(&go, 0, 0);
    Work first = {.task.run = work, .done = &done, .began = &began, .go = &go};
    Work others[4] = {0};
    for (int i = 0; i < 4; i++)
        others[i] = (Work){.task.run = work, .done = &done};
    HandlerPool *pool = handler_pool_new(1, 2);
    assert_non_null(pool);
    assert_true(handler_pool_add(pool, &first.task, false));
    sem_wait(&began);  // it is not in the queue any more
    assert_true(handler_pool_add(pool, &others[0].task, false));
    assert_true(handler_pool_add(pool, &others[1].task, false));
    assert_false(handler_pool_add(pool, &others[2].task, false));
    assert_true(handler_pool_add(pool, &others[3].task, true));
    sem_post(&go);
    assert_true(handler_pool_stop(pool, 60));
    assert_int_equal(done, 4);
    handler_pool_free(pool);
    sem_destroy(&began);
    sem_destroy(&go);
}

static void a_stop_does_not_wait_for_what_hangs(void **state)
{
    atomic_int done = 0;
    sem_t began, go;
    (void)state;
    sem_init(&began, 0, 0);
    sem_init(&go, 0, 0);
    Work hangs = {.task.run = work, .done = &done, .began = &began, .go = &go};
    HandlerPool *pool = handler_pool_new(2, 2);
    assert_non_null(pool);
    assert_true(handler_pool_add(pool, &hangs.task, false));
    sem_wait(&began);
    assert_false(handler_pool_stop(pool, 0.05));
    assert_int_equal(done, 0);
    sem_post(&go);
    assert_true(handler_pool_stop(pool, 60));
    assert_int_equal(done, 1);
    handler_pool_free(pool);
    sem_destroy(&began);
    sem_destroy(&go);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_taken_is_done_before_the_stop_returns),
        cmocka_unit_test(a_full_queue_says_so_but_not_to_what_is_counted_elsewhere),
        cmocka_unit_test(a_stop_does_not_wait_for_what_hangs),
    };
    return RUN_TESTS(tests);
}
