/* tests/server/jobs/events/test_events.c -- the notifier: it wakes for newer events and never for
 * none. */
#include "server/jobs/events/events.h"

#include <stdatomic.h>

#include "tests/check.h"

static void the_range_of_events_only_grows(void **state)
{
    (void)state;
    Events *events = events_new((EventRange){7, 41}, (LifeList){0});
    events_publish(events, 42);
    events_pruned(events, 9);
    events_pruned(events, 8);
    const EventRange range = events_range(events);
    assert_int_equal(range.oldest, 9);
    assert_int_equal(range.last, 42);
    events_free(events);
}

/* Three lives: the first ended at 10; the second at 20, and a backup took it there from 25. */
static void a_cursor_of_another_life_is_told_apart(void **state)
{
    (void)state;
    LifeList lives = {xcalloc(3, sizeof *lives.items), 3};
    lives.items[0] = (Life){"cccc", 20};
    lives.items[1] = (Life){"bbbb", 10};
    lives.items[2] = (Life){"aaaa", 0};
    Events *events = events_new((EventRange){5, 30}, lives);
    assert_string_equal(events_life(events), "cccc");
    static const struct {
        const char *life;
        int64_t id;
        bool known;
    } CURSORS[] = {
        {"cccc", 30, true},  {"cccc", 31, false}, {"cccc", 4, true},  {"cccc", 3, false},
        {"bbbb", 20, true},  {"bbbb", 21, false}, {"aaaa", 10, true}, {"aaaa", 11, false},
        {"dddd", 10, false}, {"", 10, false},     {NULL, 30, true},   {NULL, 31, false},
        {NULL, 4, true},     {NULL, 3, false},    {NULL, -1, false},
    };
    for (size_t i = 0; i < COUNT(CURSORS); i++)
        assert_int_equal(events_cursor_known(events, CURSORS[i].life, CURSORS[i].id),
                         CURSORS[i].known);
    events_publish(events, 31);
    assert_true(events_cursor_known(events, "cccc", 31));
    events_free(events);
}

static void count_call(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

static void an_older_event_is_no_news(void **state)
{
    (void)state;
    Events *events = events_new((EventRange){1, 41}, (LifeList){0});
    atomic_int calls = 0;
    const int handle = events_listen(events, count_call, &calls);
    assert_int_equal(events_last(events), 41);
    events_publish(events, 43);
    assert_int_equal(calls, 1);
    events_publish(events, 42);  // came to the store before it
    assert_int_equal(calls, 1);
    assert_int_equal(events_last(events), 43);
    events_unlisten(events, handle);
    events_free(events);
}

static void listeners_are_called_until_they_leave(void **state)
{
    (void)state;
    Events *events = events_new((EventRange){1, 0}, (LifeList){0});
    atomic_int first = 0, second = 0;
    const int one = events_listen(events, count_call, &first);
    const int two = events_listen(events, count_call, &second);
    events_publish(events, 1);
    events_unlisten(events, one);
    events_publish(events, 2);
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
    // The place that became free is given away again.
    assert_int_equal(events_listen(events, count_call, &first), one);
    events_close(events);
    assert_int_equal(first, 2);
    assert_int_equal(second, 3);
    events_unlisten(events, two);
    events_free(events);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_range_of_events_only_grows),
        cmocka_unit_test(a_cursor_of_another_life_is_told_apart),
        cmocka_unit_test(an_older_event_is_no_news),
        cmocka_unit_test(listeners_are_called_until_they_leave),
    };
    return RUN_TESTS(tests);
}
