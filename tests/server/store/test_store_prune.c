/* tests/server/store/test_store_prune.c -- events of what is still there have a limit, and who
 * missed some can tell. */
#include <stdio.h>
#include <string.h>

#include "server/jobs/events/prune.h"
#include "server/store/store_models.h"
#include "tests/check.h"
#include "tests/server/store/store_fixture.h"

enum { POINTS = 10000, OTHERS = 20000 };  // kept

static void tell(StoreFixture *f, int64_t job, const char *type, int count)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int i = 0; i < count; i++) {
        Event event = {.job_id = job, .data = "{\"step\":1}"};
        snprintf(event.type, sizeof event.type, "%s", type);
        CHECK_OK(store_add_event(f->store, &event, &f->err), f->err);
    }
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static void tell_model(StoreFixture *f, int64_t model, int count)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int i = 0; i < count; i++) {
        Event event = {.type = "model", .data = "{\"action\":\"updated\"}"};
        CHECK_OK(store_tell_model(f->store, model, &event, &f->err), f->err);
    }
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static int count_events(StoreFixture *f, int64_t job, const char *type)
{
    EventList list;
    CHECK_OK(store_events(f->store, (SeriesPage){.job_id = job}, &list, &f->err), f->err);
    int count = 0;
    for (size_t i = 0; i < list.count; i++)
        count += strcmp(list.items[i].type, type) == 0;
    event_list_free(&list);
    return count;
}

static EventRange range_of(StoreFixture *f)
{
    EventRange range;
    CHECK_OK(store_event_range(f->store, &range, &f->err), f->err);
    return range;
}

/* How often events_prune may go on; below 0: always. */
static bool go_on(void *context)
{
    int *left = context;
    return *left < 0 || (*left)-- > 0;
}

static bool prune(StoreFixture *f, int64_t since, int slices, bool *any)
{
    Events *events = events_new(range_of(f), (LifeList){0});
    const PruneRules rules = {.since = since, .go_on = go_on, .context = &slices};
    const bool done = events_prune(events, f->store, rules, any);
    assert_int_equal(events_range(events).oldest, range_of(f).oldest);
    events_free(events);
    return done;
}

static void the_newest_points_stay_and_all_that_tells_of_a_state(void **state)
{
    StoreFixture *f = *state;
    bool any;
    tell(f, 1, "created", 1);
    tell(f, 1, "point", POINTS + 700);
    tell(f, 1, "status", 1);
    tell(f, 1, "epoch", 3);
    tell(f, 1, "checkpoint", 3);
    tell(f, 1, "updated", 3);
    tell(f, 1, "note", 3);
    assert_true(prune(f, 0, -1, &any));
    assert_true(any);
    // Of the newest ten thousand thirteen are no points.
    assert_int_equal(count_events(f, 1, "point"), POINTS - 13);
    assert_int_equal(count_events(f, 1, "created"), 1);
    assert_int_equal(count_events(f, 1, "status"), 1);
    assert_int_equal(count_events(f, 1, "epoch"), 3);
    assert_int_equal(count_events(f, 1, "note"), 3);
    // The last that went is number 714, after "created" and 712 points.
    assert_int_equal(range_of(f).oldest, 715);
    assert_true(prune(f, 0, -1, &any));
    assert_false(any);
    store_reopen(f);
    assert_int_equal(range_of(f).oldest, 715);
}

static void epochs_and_what_is_said_of_a_model_have_a_limit_too(void **state)
{
    StoreFixture *f = *state;
    bool any;
    tell(f, 1, "created", 1);
    tell(f, 1, "epoch", OTHERS + 10);
    tell_model(f, 5, OTHERS + 20);
    tell(f, 1, "status", 1);
    assert_true(prune(f, 0, -1, &any));
    assert_int_equal(count_events(f, 1, "epoch"), OTHERS - 1);
    assert_int_equal(count_events(f, 1, "created"), 1);
    assert_int_equal(count_events(f, 0, "model"), OTHERS);
    // The last that went is the twentieth of the model.
    assert_int_equal(range_of(f).oldest, 1 + OTHERS + 10 + 20 + 1);
}

static void only_what_was_told_something_since_is_looked_at(void **state)
{
    StoreFixture *f = *state;
    bool any;
    tell(f, 1, "point", POINTS + 10);
    const int64_t since = range_of(f).last;
    tell(f, 2, "point", POINTS + 20);
    assert_true(prune(f, since, -1, &any));
    assert_int_equal(count_events(f, 1, "point"), POINTS + 10);
    assert_int_equal(count_events(f, 2, "point"), POINTS);
    assert_true(prune(f, range_of(f).last, -1, &any));
    assert_false(any);
    assert_true(prune(f, 0, -1, &any));
    assert_int_equal(count_events(f, 1, "point"), POINTS);
    // The older job's events do not take the mark back.
    assert_int_equal(range_of(f).oldest, POINTS + 10 + 20 + 1);
}

/* A deletion that is forgotten later is of older events. */
static void the_mark_is_never_taken_back(void **state)
{
    StoreFixture *f = *state;
    int64_t oldest;
    bool any;
    tell(f, 7, "deleted", 1001);
    tell(f, 1, "point", POINTS + 10);
    assert_true(prune(f, 0, -1, &any));
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_prune_events(f->store, &oldest, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    assert_int_equal(oldest, 2);
    assert_int_equal(range_of(f).oldest, 1001 + 10 + 1);
}

static void it_goes_in_slices_and_can_be_left_for_another_time(void **state)
{
    StoreFixture *f = *state;
    bool any;
    tell(f, 1, "point", POINTS + 1200);
    assert_false(prune(f, 0, 0, &any));
    assert_true(any);
    assert_int_equal(count_events(f, 1, "point"), POINTS + 700);
    // All that are to go count as gone: a reader is told so, and reads anew.
    assert_int_equal(range_of(f).oldest, 1201);
    assert_true(prune(f, 0, -1, &any));
    assert_int_equal(count_events(f, 1, "point"), POINTS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(the_newest_points_stay_and_all_that_tells_of_a_state),
        CASE(epochs_and_what_is_said_of_a_model_have_a_limit_too),
        CASE(only_what_was_told_something_since_is_looked_at),
        CASE(the_mark_is_never_taken_back),
        CASE(it_goes_in_slices_and_can_be_left_for_another_time),
    };
    return RUN_TESTS(tests);
}
