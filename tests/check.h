/* tests/check.h -- cmocka with the few checks of ours. Include it last.
 *
 * Every test program takes the name of one of its cases: `./test_rng shuffle_is_a_permutation`
 * (`*` stands for any run of letters).
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
// cmocka wants the five above.
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// cmocka's fail() would hide ours, which fills an Error.
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#include "core/base/error.h"
#include "core/base/memory.h"

#define CHECK_NEAR(got, want, tolerance)                                                           \
    do {                                                                                           \
        const double check_got = (got), check_want = (want);                                       \
        if (!(fabs(check_got - check_want) <= (tolerance)))                                        \
            fail_msg("%s is %.9g, want %.9g within %g", #got, check_got, check_want,               \
                     (double)(tolerance));                                                         \
    } while (0)

/* The call must succeed; its message is shown if not. `err` is a variable, not a pointer. */
#define CHECK_OK(call, err)                                                                        \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, (err).message);                                              \
    } while (0)

/* The call must fail with this code and exactly this message. */
#define CHECK_REFUSED(call, err, want_code, want_message)                                          \
    do {                                                                                           \
        (err) = (Error){0};                                                                        \
        if (call)                                                                                  \
            fail_msg("%s was not refused", #call);                                                 \
        assert_string_equal((err).message, (want_message));                                        \
        assert_int_equal((err).code, (want_code));                                                 \
    } while (0)

#define RUN_TESTS(tests)                                                                           \
    (argc > 1 ? cmocka_set_test_filter(argv[1]) : (void)0,                                         \
     cmocka_run_group_tests(tests, NULL, NULL))
