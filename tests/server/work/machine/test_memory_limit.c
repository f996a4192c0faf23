/* tests/server/work/machine/test_memory_limit.c -- limits of memory, from trees of files like
 * Linux's and from this process. */
#include "server/work/machine/memory_limit.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/server/work/tree.h"

static double limit_of(const Tree *tree, const char *membership)
{
    return cgroup_least(&MEMORY_LIMIT_QUESTION, membership, tree->root);
}

static double left_of(const Tree *tree, const char *membership)
{
    return cgroup_least(&MEMORY_LEFT_QUESTION, membership, tree->root);
}

static void version_2_counts_files_as_free(void **state)
{
    const Tree *tree = *state;
    tree_put(tree, "a/memory.max", "1000000000\n");
    tree_put(tree, "a/memory.current", "700000000\n");
    tree_put(tree, "a/memory.stat",
             "anon 500000000\nfile 200000000\ninactive_file 100000000\nactive_file 50000000\n");
    tree_put(tree, "a/b/memory.max", "max\n");
    CHECK_NEAR(limit_of(tree, "0::/a/b\n"), 1e9, 0);
    CHECK_NEAR(left_of(tree, "0::/a/b\n"), 450e6, 0);
    tree_put(tree, "a/b/memory.high", "400000000\n");
    CHECK_NEAR(limit_of(tree, "0::/a/b\n"), 400e6, 0);
}

static void version_1_has_its_own_files(void **state)
{
    const Tree *tree = *state;
    const char *membership = "4:memory:/job/inner\n3:cpu:/x\n";
    tree_put(tree, "memory/job/memory.limit_in_bytes", "1258291200\n");
    tree_put(tree, "memory/job/memory.usage_in_bytes", "258291200\n");
    tree_put(tree, "memory/job/memory.stat",
             "cache 7\ntotal_inactive_file 3000\ntotal_active_file 2000\n");
    tree_put(tree, "memory/job/inner/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK_NEAR(limit_of(tree, membership), 1258291200, 0);
    CHECK_NEAR(left_of(tree, membership), 1000005000, 0);
}

static void a_full_group_is_not_one_without_a_limit(void **state)
{
    const Tree *tree = *state;
    tree_put(tree, "memory.max", "1000\n");
    tree_put(tree, "memory.current", "2000\n");
    CHECK_NEAR(left_of(tree, "0::/\n"), 1, 0);
    tree_put(tree, "memory.max", "max\n");
    CHECK_NEAR(left_of(tree, "0::/\n"), 0, 0);
}

static void this_machine_has_memory(void **state)
{
    (void)state;
    const MemoryLimit m = memory_limit();
    assert_true(m.machine > 64u << 20);
    assert_true(m.limit > 0 && m.limit <= m.machine);
    assert_true(m.available > 0);
}

/* Bytes of address space that this process has taken: terabytes under a sanitizer. */
static unsigned long long address_space(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%llu", &pages), 1);
    fclose(file);
    return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static void what_cannot_fit_is_refused_with_both_figures(void **state)
{
    (void)state;
    Error err = {0};
    if (address_space() > 3ull << 30)
        skip();
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    const struct rlimit small = {.rlim_cur = (rlim_t)3 << 30, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    if (memory_limit().limit != 3ul << 30) {
        setrlimit(RLIMIT_AS, &before);
        skip();  // a control group or the machine has less
    }
    assert_true(memory_can_hold("the job", 1u << 20, &err));
    assert_true(memory_can_add("the job", 1u << 20, &err));
    assert_false(memory_can_hold("the job", 3800000000, &err));
    assert_int_equal(err.code, ERR_NO_MEMORY);
    assert_string_equal(err.message,
                        "the job needs about 3.8 GB of memory, and RLIMIT_AS allows 3.2 GB");
    assert_false(memory_can_add("the job", (3ul << 30) - 4096, &err));
    assert_non_null(strstr(err.message, "the job needs about 3.2 GB of memory, and only "));
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, tree_set_up, tree_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(version_2_counts_files_as_free),
        CASE(version_1_has_its_own_files),
        CASE(a_full_group_is_not_one_without_a_limit),
        cmocka_unit_test(this_machine_has_memory),
        cmocka_unit_test(what_cannot_fit_is_refused_with_both_figures),
    };
    return RUN_TESTS(tests);
}
