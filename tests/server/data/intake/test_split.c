/* tests/server/data/intake/test_split.c -- the split of a set without: shares, groups, seeds. */
#include <stdio.h>

#include "core/base/numbers/rng.h"
#include "server/data/intake/split.h"

#include "tests/check.h"

enum { MOST = 2000 };

/* Pictures of which each class has as many as `sizes` says, each alone. */
typedef struct {
    SplitItem items[MOST];
    char keys[MOST][24];
    IntakeSplit split[MOST];
    size_t count;
    int classes;
} Set;

static Set *set_new(const int *sizes, int classes)
{
    Set *s = xcalloc(1, sizeof *s);
    s->classes = classes;
    for (int c = 0; c < classes; c++)
        for (int i = 0; i < sizes[c]; i++) {
            snprintf(s->keys[s->count], sizeof s->keys[0], "%d/%04d.jpg", c, i);
            s->items[s->count] = (SplitItem){s->keys[s->count], c, -1};
            s->count++;
        }
    return s;
}

static void assign(Set *s, double share, uint64_t seed)
{
    Error err = {0};
    CHECK_OK(split_assign(s->items, s->count, s->classes, share, seed, s->split, &err), err);
}

static int for_testing(const Set *s, int label)
{
    int count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->items[i].label == label && s->split[i] == INTAKE_TEST;
    return count;
}

static void each_class_gives_its_share(void **state)
{
    (void)state;
    const int sizes[] = {100, 0, 1, 2, 3, 7, 8, 13};
    static const struct {
        double share;
        int want[COUNT(sizes)];
    } SHARES[] = {{0.2, {20, 0, 0, 1, 1, 1, 2, 3}},
                  {0.0, {0, 0, 0, 0, 0, 0, 0, 0}},
                  {0.001, {1, 0, 0, 1, 1, 1, 1, 1}},
                  {0.5, {50, 0, 0, 1, 2, 4, 4, 7}},
                  {0.9, {90, 0, 0, 1, 2, 6, 7, 12}}};
    Set *s = set_new(sizes, COUNT(sizes));
    for (size_t i = 0; i < COUNT(SHARES); i++) {
        assign(s, SHARES[i].share, i);
        for (int c = 0; c < s->classes; c++)
            assert_int_equal(for_testing(s, c), SHARES[i].want[c]);
    }
    free(s);
}

static void the_order_of_the_pictures_does_not_matter(void **state)
{
    (void)state;
    Set *s = set_new((const int[]){50, 30, 20}, 3);
    for (size_t i = 0; i < 20; i++)
        s->items[5 * i].group = s->items[5 * i + 1].group = (int64_t)i;
    assign(s, 0.3, 7);
    int32_t order[MOST];
    for (int i = 0; i < MOST; i++)
        order[i] = i;
    Rng rng = rng_new(1, RNG_TEST, 0);
    rng_shuffle(&rng, order, s->count);
    Set *other = set_new((const int[]){50, 30, 20}, 3);
    for (size_t i = 0; i < s->count; i++) {
        other->items[i] = s->items[order[i]];
        // Nor what the groups are called.
        if (other->items[i].group >= 0)
            other->items[i].group = 1000 - other->items[i].group;
    }
    assign(other, 0.3, 7);
    for (size_t i = 0; i < s->count; i++)
        assert_int_equal(other->split[i], s->split[order[i]]);
    free(other);
    free(s);
}

static void seeds_draw_other_pictures(void **state)
{
    (void)state;
    Set *a = set_new((const int[]){100, 100}, 2), *b = set_new((const int[]){100, 100}, 2);
    assign(a, 0.2, 1);
    assign(b, 0.2, 1);
    assert_memory_equal(a->split, b->split, a->count * sizeof a->split[0]);
    assign(b, 0.2, 2);
    int same = 0;
    for (size_t i = 0; i < a->count; i++)
        same += a->split[i] == INTAKE_TEST && b->split[i] == INTAKE_TEST;
    // 8 of 40 by chance.
    assert_in_range(same, 1, 20);
    // Every picture is drawn by some seed.
    bool drawn[200] = {false};
    for (uint64_t seed = 0; seed < 100; seed++) {
        assign(b, 0.2, seed);
        for (size_t i = 0; i < 200; i++)
            drawn[i] = drawn[i] || b->split[i] == INTAKE_TEST;
    }
    for (size_t i = 0; i < 200; i++)
        assert_true(drawn[i]);
    free(a);
    free(b);
}

/* Whether all pictures of each group are on one side. */
static void check_groups(const Set *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < i; j++)
            if (s->items[i].group >= 0 && s->items[i].group == s->items[j].group)
                assert_int_equal(s->split[i], s->split[j]);
}

static void groups_stay_together(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        Set *s = set_new((const int[]){60, 40, 20}, 3);
        Rng rng = rng_new(seed, RNG_TEST, 0);
        // Half of the pictures in groups of a few, also over classes.
        for (size_t i = 0; i < s->count; i++)
            if (rng_below(&rng, 2) == 0)
                s->items[i].group = (int64_t)rng_below(&rng, 25);
        assign(s, 0.25, seed);
        check_groups(s);
        const int want[] = {15, 10, 5};
        for (int c = 0; c < 3; c++)
            assert_in_range(for_testing(s, c), want[c] - 2, want[c] + 2);
        free(s);
    }
}

static void a_class_of_one_group_trains(void **state)
{
    (void)state;
    Set *s = set_new((const int[]){10, 10}, 2);
    for (size_t i = 0; i < 10; i++)
        s->items[i].group = 1;
    assign(s, 0.5, 3);
    assert_int_equal(for_testing(s, 0), 0);
    assert_int_equal(for_testing(s, 1), 5);
    // With a picture beside them, that one tests.
    s->items[4].group = -1;
    assign(s, 0.5, 3);
    assert_int_equal(for_testing(s, 0), 1);
    assert_int_equal(s->split[4], INTAKE_TEST);
    free(s);
}

static void a_class_of_two_large_groups_has_both_sides(void **state)
{
    (void)state;
    Set *s = set_new((const int[]){20, 10}, 2);
    for (size_t i = 0; i < 20; i++)
        s->items[i].group = i < 8;
    assign(s, 0.2, 3);
    check_groups(s);
    // 4 are wanted, there are 8 or 12: one of the two, as none would be no test at all.
    assert_true(for_testing(s, 0) == 8 || for_testing(s, 0) == 12);
    free(s);
}

static void a_share_is_met_as_nearly_as_groups_allow(void **state)
{
    (void)state;
    Set *s = set_new((const int[]){21, 10}, 2);
    for (size_t i = 0; i < 21; i++)
        s->items[i].group = (int64_t)i / 3;
    // 4 are wanted: 3 are nearer than 6.
    assign(s, 0.2, 3);
    check_groups(s);
    assert_int_equal(for_testing(s, 0), 3);
    // 5 are wanted: 6 are nearer.
    assign(s, 0.25, 3);
    assert_int_equal(for_testing(s, 0), 6);
    free(s);
}

static void a_group_over_classes_leaves_none_without_training(void **state)
{
    (void)state;
    // The only picture of class 0 is the same as one of class 1.
    for (uint64_t seed = 0; seed < 20; seed++) {
        Set *s = set_new((const int[]){1, 3}, 2);
        s->items[0].group = s->items[1].group = 5;
        assign(s, 0.5, seed);
        assert_int_equal(for_testing(s, 0), 0);
        assert_int_equal(s->split[1], INTAKE_TRAIN);
        assert_int_equal(for_testing(s, 1), 2);
        free(s);
    }
}

static void many_equal_pictures_take_no_time(void **state)
{
    (void)state;
    enum { CLASSES = 5000, EACH = 20 };
    SplitItem *items = xcalloc(CLASSES * EACH, sizeof *items);
    IntakeSplit *split = xcalloc(CLASSES * EACH, sizeof *split);
    for (int i = 0; i < CLASSES * EACH; i++)
        items[i] = (SplitItem){xasprintf("%d", i), i % CLASSES, i < CLASSES ? -1 : 1};
    Error err = {0};
    CHECK_OK(split_assign(items, CLASSES * EACH, CLASSES, 0.2, 0, split, &err), err);
    for (int i = 0; i < CLASSES * EACH; i++) {
        // The large group is too large; one picture of each class is not in it.
        assert_int_equal(split[i], i < CLASSES ? INTAKE_TEST : INTAKE_TRAIN);
        free((char *)items[i].key);
    }
    free(items);
    free(split);
}

static void shares_beyond_reason_are_refused(void **state)
{
    (void)state;
    IntakeSplit split[1];
    Error err = {0};
    const SplitItem item = {"a", 0, -1};
    CHECK_REFUSED(split_assign(&item, 1, 1, -0.1, 0, split, &err), err, ERR_INVALID,
                  "test_share must be 0 to 0.9, got -0.1");
    CHECK_REFUSED(split_assign(&item, 1, 1, 0.95, 0, split, &err), err, ERR_INVALID,
                  "test_share must be 0 to 0.9, got 0.95");
    CHECK_REFUSED(split_assign(&item, 1, 1, (double)NAN, 0, split, &err), err, ERR_INVALID,
                  "test_share must be 0 to 0.9, got nan");
    CHECK_OK(split_assign(NULL, 0, 0, 0.2, 0, split, &err), err);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_gives_its_share),
        cmocka_unit_test(the_order_of_the_pictures_does_not_matter),
        cmocka_unit_test(seeds_draw_other_pictures),
        cmocka_unit_test(groups_stay_together),
        cmocka_unit_test(a_class_of_one_group_trains),
        cmocka_unit_test(a_class_of_two_large_groups_has_both_sides),
        cmocka_unit_test(a_share_is_met_as_nearly_as_groups_allow),
        cmocka_unit_test(a_group_over_classes_leaves_none_without_training),
        cmocka_unit_test(many_equal_pictures_take_no_time),
        cmocka_unit_test(shares_beyond_reason_are_refused),
    };
    return RUN_TESTS(tests);
}
