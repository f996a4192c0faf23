/* tests/server/work/machine/test_cpus.c -- the quota of a control group, from a tree of files like
 * Linux's.
 */
#include "server/work/machine/cpus.h"

#include <sched.h>

#include "tests/check.h"
#include "tests/server/work/tree.h"

static double quota_of(const Tree *tree, const char *membership)
{
    return cgroup_least(&CPU_QUOTA_QUESTION, membership, tree->root);
}

static void version_2_takes_the_least_on_the_way_up(void **state)
{
    const Tree *tree = *state;
    tree_put(tree, "a/cpu.max", "300000 100000\n");
    tree_put(tree, "a/b/cpu.max", "max 100000\n");
    tree_put(tree, "a/b/c/cpu.max", "450000 100000\n");
    CHECK_NEAR(quota_of(tree, "0::/a/b/c\n"), 3, 0);
    tree_put(tree, "a/b/c/cpu.max", "50000 100000\n");
    CHECK_NEAR(quota_of(tree, "0::/a/b/c\n"), 0.5, 0);
}

static void a_container_sees_its_group_at_the_root(void **state)
{
    const Tree *tree = *state;
    tree_put(tree, "cpu.max", "150000 100000\n");
    CHECK_NEAR(quota_of(tree, "0::/\n"), 1.5, 0);
    // Without a namespace of its own the path is the host's, and leads nowhere.
    CHECK_NEAR(quota_of(tree, "0::/system.slice/docker-1234.scope\n"), 1.5, 0);
}

static void version_1_has_two_files_and_a_controller(void **state)
{
    const Tree *tree = *state;
    const char *membership = "5:memory:/x\n4:cpu,cpuacct:/job\n3:cpuset:/x\n";
    tree_put(tree, "cpu/job/cpu.cfs_quota_us", "250000\n");
    tree_put(tree, "cpu/job/cpu.cfs_period_us", "100000\n");
    CHECK_NEAR(quota_of(tree, membership), 2.5, 0);
    tree_put(tree, "cpu/job/cpu.cfs_quota_us", "-1\n");
    CHECK_NEAR(quota_of(tree, membership), 0, 0);
    // Some systems mount it under all its controllers' names, and a parent's quota holds too.
    tree_put(tree, "cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
    tree_put(tree, "cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    CHECK_NEAR(quota_of(tree, membership), 1.5, 0);
}

static void version_2_may_stand_beside_version_1(void **state)
{
    const Tree *tree = *state;
    tree_put(tree, "unified/a/cpu.max", "250000 100000\n");
    CHECK_NEAR(quota_of(tree, "1:name=systemd:/\n0::/a/b\n"), 2.5, 0);
}

static void without_a_quota_there_is_no_limit(void **state)
{
    const Tree *tree = *state;
    CHECK_NEAR(quota_of(tree, ""), 0, 0);
    CHECK_NEAR(quota_of(tree, "nonsense\n7:\n"), 0, 0);
    CHECK_NEAR(quota_of(tree, "0::/nowhere\n"), 0, 0);
    tree_put(tree, "cpu.max", "max 100000\n");
    CHECK_NEAR(quota_of(tree, "0::/\n"), 0, 0);
    tree_put(tree, "cpu.max", "garbage\n");
    CHECK_NEAR(quota_of(tree, "0::/\n"), 0, 0);
}

static void affinity_limits_what_is_usable(void **state)
{
    (void)state;
    cpu_set_t all, one;
    assert_true(cpus_usable() >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cpus_usable(), 1);
    assert_int_equal(cpus_granted(0), 1);
    assert_int_equal(cpus_granted(3), 1);
    assert_int_equal(cpus_shared(2, 1), 1);  // never none
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    const int usable = cpus_usable();
    assert_int_equal(cpus_shared(1, 1), usable);
    assert_true(cpus_shared(2, 2) >= 1 && cpus_shared(2, 2) <= (usable + 1) / 2 + (usable == 1));
}

static void a_job_has_its_share_and_no_more_than_there_is(void **state)
{
    (void)state;
    const JobThreads eight = job_threads(8, 3);
    assert_int_equal(job_threads_for(eight, 0), 2);
    assert_int_equal(job_threads_for(eight, 5), 5);
    assert_int_equal(job_threads_for(eight, 64), 8);
    assert_int_equal(job_threads_for(job_threads(1, 2), 0), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_2_takes_the_least_on_the_way_up, tree_set_up,
                                        tree_tear_down),
        cmocka_unit_test_setup_teardown(a_container_sees_its_group_at_the_root, tree_set_up,
                                        tree_tear_down),
        cmocka_unit_test_setup_teardown(version_1_has_two_files_and_a_controller, tree_set_up,
                                        tree_tear_down),
        cmocka_unit_test_setup_teardown(version_2_may_stand_beside_version_1, tree_set_up,
                                        tree_tear_down),
        cmocka_unit_test_setup_teardown(without_a_quota_there_is_no_limit, tree_set_up,
                                        tree_tear_down),
        cmocka_unit_test(affinity_limits_what_is_usable),
        cmocka_unit_test(a_job_has_its_share_and_no_more_than_there_is),
    };
    return RUN_TESTS(tests);
}
