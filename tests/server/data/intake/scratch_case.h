/* tests/server/data/intake/scratch_case.h -- `scratch`, a folder of its own for each case of a test
 * file. After tests/check.h. */
#pragma once
#include "tests/server/scratch.h"

static Scratch scratch;

static int scratch_setup(void **state)
{
    (void)state;
    scratch = scratch_new();
    return 0;
}

static int scratch_teardown(void **state)
{
    (void)state;
    scratch_free(&scratch);
    return 0;
}

#define SCRATCH_CASE(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)
