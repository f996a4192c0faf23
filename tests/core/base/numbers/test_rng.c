/* tests/core/base/numbers/test_rng.c -- the generator repeats itself where it must, and nowhere
 * else. */
#include "core/base/numbers/rng.h"
#include "tests/check.h"

static void equal_seeds_give_equal_numbers(void **state)
{
    (void)state;
    Rng a = rng_new(7, RNG_TEST, 3), b = rng_new(7, RNG_TEST, 3);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rng_next(&a), rng_next(&b));
}

static void seed_stream_and_index_all_count(void **state)
{
    (void)state;
    Rng base = rng_new(1, RNG_ORDER, 2);
    Rng others[] = {rng_new(2, RNG_ORDER, 2), rng_new(1, RNG_TEST, 2), rng_new(1, RNG_ORDER, 1),
                    rng_new(2, RNG_ORDER, 1)};
    const uint64_t first = rng_next(&base);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_not_equal(first, rng_next(&others[i]));
}

static void first_numbers_are_those_of_xoshiro256starstar(void **state)
{
    (void)state;
    // From the state {1, 2, 3, 4}, worked out by hand from the published recurrence.
    Rng rng = {{1, 2, 3, 4}};
    assert_int_equal(rng_next(&rng), 11520);
    assert_int_equal(rng_next(&rng), 0);
    assert_int_equal(rng_next(&rng), 1509978240);
}

static void uniform_and_normal_have_their_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    Rng rng = rng_new(5, RNG_TEST, 0);
    double u = 0, u2 = 0, n = 0, n2 = 0;
    for (int i = 0; i < N; i++) {
        const double x = rng_uniform(&rng), y = rng_normal(&rng);
        assert_true(x >= 0 && x < 1);
        u += x;
        u2 += x * x;
        n += y;
        n2 += y * y;
    }
    CHECK_NEAR(u / N, 0.5, 0.005);
    CHECK_NEAR(u2 / N, 1.0 / 3, 0.005);
    CHECK_NEAR(n / N, 0, 0.01);
    CHECK_NEAR(n2 / N, 1, 0.02);
}

static void below_reaches_every_value_and_no_other(void **state)
{
    (void)state;
    int seen[7] = {0};
    Rng rng = rng_new(11, RNG_TEST, 0);
    for (int i = 0; i < 7000; i++)
        seen[rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 850, 1150);
    assert_int_equal(rng_below(&rng, 1), 0);
}

/* 2^64 is no multiple of 3 * 2^62: taken as they come, numbers below 2^62 would make a half of what
 * comes out, not a third. */
static void below_prefers_no_value(void **state)
{
    (void)state;
    Rng rng = rng_new(5, RNG_ORDER, 0);
    int low = 0;
    for (int i = 0; i < 6000; i++)
        low += rng_below(&rng, (uint64_t)3 << 62) < (uint64_t)1 << 62;
    assert_in_range(low, 1800, 2200);  // 2000, and 5 deviations of 37
}

static void shuffle_reaches_every_order(void **state)
{
    (void)state;
    int seen[27] = {0};
    Rng rng = rng_new(6, RNG_ORDER, 0);
    for (int i = 0; i < 600; i++) {
        int32_t items[] = {0, 1, 2};
        rng_shuffle(&rng, items, 3);
        seen[9 * items[0] + 3 * items[1] + items[2]]++;
    }
    static const int ORDERS[] = {5, 7, 11, 15, 19, 21};  // 012, 021, 102, 120, 201, 210
    for (size_t i = 0; i < COUNT(ORDERS); i++)
        assert_in_range(seen[ORDERS[i]], 50, 150);
}

static void shuffle_is_a_permutation(void **state)
{
    (void)state;
    int32_t items[100];
    bool seen[100] = {false};
    int moved = 0;
    for (int i = 0; i < 100; i++)
        items[i] = i;
    Rng rng = rng_new(3, RNG_ORDER, 0);
    rng_shuffle(&rng, items, 100);
    for (int i = 0; i < 100; i++) {
        assert_in_range(items[i], 0, 99);
        assert_false(seen[items[i]]);
        seen[items[i]] = true;
        moved += items[i] != i;
    }
    assert_true(moved > 80);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_seeds_give_equal_numbers),
        cmocka_unit_test(seed_stream_and_index_all_count),
        cmocka_unit_test(first_numbers_are_those_of_xoshiro256starstar),
        cmocka_unit_test(uniform_and_normal_have_their_moments),
        cmocka_unit_test(below_reaches_every_value_and_no_other),
        cmocka_unit_test(below_prefers_no_value),
        cmocka_unit_test(shuffle_reaches_every_order),
        cmocka_unit_test(shuffle_is_a_permutation),
    };
    return RUN_TESTS(tests);
}
