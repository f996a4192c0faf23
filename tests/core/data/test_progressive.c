/* tests/core/data/test_progressive.c -- the side of each epoch's images. */
#include "core/data/progressive.h"

#include "tests/check.h"

static void grows_in_steps(void **state)
{
    (void)state;
    static const struct {
        Progressive p;
        int final_size, want[9];
    } CASES[] = {
        {{0}, 96, {96, 96, 96, 96, 96, 96, 96, 96, 96}},
        {{64, 6, 16}, 96, {64, 64, 80, 80, 80, 96, 96, 96, 96}},
        {{64, 6, 1}, 96, {64, 69, 75, 80, 85, 91, 96, 96, 96}},
        {{64, 1, 16}, 96, {64, 96, 96, 96, 96, 96, 96, 96, 96}},
        {{50, 8, 32}, 100, {50, 50, 50, 82, 82, 82, 82, 82, 100}},
        {{50, 4, 100}, 100, {50, 50, 50, 50, 100, 100, 100, 100, 100}},
        {{96, 4, 8}, 96, {96, 96, 96, 96, 96, 96, 96, 96, 96}},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        CHECK_OK(progressive_check(&CASES[i].p, CASES[i].final_size, &err), err);
        for (int epoch = 0; epoch < 9; epoch++)
            assert_int_equal(progressive_size(&CASES[i].p, CASES[i].final_size, epoch),
                             CASES[i].want[epoch]);
        assert_int_equal(progressive_size(&CASES[i].p, CASES[i].final_size, 100000),
                         CASES[i].final_size);
    }
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    static const struct {
        Progressive p;
        const char *want;
    } FAULTS[] = {
        {{97, 6, 16}, "progressive_resizing.from must be 0 to the image_size 96, got 97"},
        {{-1, 6, 16}, "progressive_resizing.from must be 0 to the image_size 96, got -1"},
        {{64, 0, 16}, "progressive_resizing.until_epoch must be 1 or more, got 0"},
        {{64, 6, 0}, "progressive_resizing.step must be 1 or more, got 0"},
    };
    Error err;
    for (size_t i = 0; i < COUNT(FAULTS); i++)
        CHECK_REFUSED(progressive_check(&FAULTS[i].p, 96, &err), err, ERR_INVALID, FAULTS[i].want);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_in_steps),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return RUN_TESTS(tests);
}
