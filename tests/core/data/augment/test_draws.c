/* tests/core/data/augment/test_draws.c -- numbers that depend on their key alone, and are spread as
 * they should be. */
#include "core/data/augment/draws.h"

#include "tests/check.h"

static void equal_keys_draw_equal_numbers_and_others_do_not(void **state)
{
    (void)state;
    const DrawKey key = {0x123456789abcdefu, 3, 77};
    const DrawKey others[] = {{0x123456789abcdeeu, 3, 77},
                              {0x023456789abcdefu, 3, 77},
                              {0x123456789abcdefu, 4, 77},
                              {0x123456789abcdefu, 3, 78}};
    for (size_t i = 0; i < COUNT(others) + 1; i++) {
        const DrawKey *other = i < COUNT(others) ? &others[i] : &key;
        Draws a = draws_new(&key, "flip"), again = draws_new(&key, "flip");
        Draws b = draws_new(other, i < COUNT(others) ? "flip" : "erasing");
        int equal = 0;
        for (int n = 0; n < 100; n++) {
            const double x = draw_uniform(&a);
            assert_true(x == draw_uniform(&again));
            equal += x == draw_uniform(&b);
        }
        assert_true(equal <= 1);
    }
}

/* The first number of each of many keys: what augmentations use most. */
static void uniform_numbers_fill_the_range(void **state)
{
    (void)state;
    enum { DRAWS = 20000, BINS = 10 };
    int counts[BINS] = {0};
    for (int i = 0; i < DRAWS; i++) {
        Draws d = draws_new(&(DrawKey){1, i % 7, i}, "test");
        const double x = draw_between(&d, (double[2]){-2, 3});
        assert_true(x >= -2 && x < 3);
        counts[(int)((x + 2) / 5 * BINS)]++;
    }
    for (int i = 0; i < BINS; i++)  // five deviations of 42
        assert_in_range(counts[i], DRAWS / BINS - 212, DRAWS / BINS + 212);
}

static void below_gives_each_number(void **state)
{
    (void)state;
    Draws d = draws_new(&(DrawKey){5, 0, 0}, "test");
    for (int bound = 1; bound <= 12; bound++) {
        int counts[12] = {0};
        for (int i = 0; i < 500 * bound; i++) {
            const int x = draw_below(&d, bound);
            assert_in_range(x, 0, bound - 1);
            counts[x]++;
        }
        for (int x = 0; x < bound; x++)  // five deviations of 22
            assert_in_range(counts[x], 388, 612);
    }
}

/* Mean 1/2 and variance 1 / (8 alpha + 4), below, at and above 1. */
static void beta_has_its_mean_and_variance(void **state)
{
    (void)state;
    static const double ALPHAS[] = {0.001, 0.2, 0.4, 1, 1.5, 8, 100};
    enum { DRAWS = 20000 };
    for (size_t a = 0; a < COUNT(ALPHAS); a++) {
        Draws d = draws_new(&(DrawKey){9, 1, (int64_t)a}, "mixup");
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            const double x = draw_beta(&d, ALPHAS[a]);
            assert_true(x >= 0 && x <= 1);
            sum += x;
            squares += (x - 0.5) * (x - 0.5);
        }
        const double variance = 1 / (8 * ALPHAS[a] + 4);
        CHECK_NEAR(sum / DRAWS, 0.5, 5 * sqrt(variance / DRAWS));
        CHECK_NEAR(squares / DRAWS, variance, 0.06 * variance);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_keys_draw_equal_numbers_and_others_do_not),
        cmocka_unit_test(uniform_numbers_fill_the_range),
        cmocka_unit_test(below_gives_each_number),
        cmocka_unit_test(beta_has_its_mean_and_variance),
    };
    return RUN_TESTS(tests);
}
