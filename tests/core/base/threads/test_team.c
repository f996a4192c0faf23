/* tests/core/base/threads/test_team.c -- teams of a known size, whatever OpenMP was told before. */
#include "core/base/threads/team.h"

#include <omp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/check.h"

static int counted(void)
{
    int count = 0;
#pragma omp parallel reduction(+ : count)
    count++;
    return count;
}

static void a_team_has_the_size_that_is_told(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        assert_int_equal(team_start(threads), threads);
        assert_int_equal(omp_get_max_threads(), threads);
        assert_int_equal(counted(), threads);
    }
}

static void dynamic_teams_are_switched_off(void **state)
{
    (void)state;
    omp_set_dynamic(1);
    assert_int_equal(team_start(3), 3);
    assert_int_equal(counted(), 3);
    assert_int_equal(omp_get_dynamic(), 0);
}

static void without_active_levels_there_is_a_team(void **state)
{
    (void)state;
    omp_set_max_active_levels(0);
    assert_int_equal(team_start(3), 3);
    assert_int_equal(counted(), 3);
}

/* libgomp would end the process here. */
static void a_system_that_gives_no_more_threads(void **state)
{
    (void)state;
    assert_int_equal(team_start(3), 3);
    if (geteuid() == 0)
        assert_int_equal(setuid(65534), 0);  // for root there is no such limit
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NPROC, &limit), 0);
    limit.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NPROC, &limit), 0);
    assert_int_equal(team_start(64), 3);
    assert_int_equal(counted(), 3);
    // The leak sanitizer starts a thread that looks into this process at its end.
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NPROC, &limit), 0);
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_team_has_the_size_that_is_told),
        cmocka_unit_test(dynamic_teams_are_switched_off),
        cmocka_unit_test(without_active_levels_there_is_a_team),
        cmocka_unit_test(a_system_that_gives_no_more_threads),
    };
    return RUN_TESTS(tests);
}
