/* tests/core/net/test_plan.c -- blocks alive together never overlap, and the rest share. */
#include "core/net/plan.h"

#include "core/base/numbers/rng.h"
#include "tests/check.h"

static void check_no_overlap(const Lifetime *blocks, const size_t *offsets, int count, size_t total)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(offsets[i] % 64, 0);
        assert_true(offsets[i] + blocks[i].bytes <= total);
        for (int k = 0; k < i; k++) {
            const bool together =
                blocks[i].birth <= blocks[k].death && blocks[k].birth <= blocks[i].death;
            const bool apart = offsets[i] + blocks[i].bytes <= offsets[k]
                               || offsets[k] + blocks[k].bytes <= offsets[i];
            assert_true(!together || apart);
        }
    }
}

static void blocks_that_never_meet_share_their_place(void **state)
{
    (void)state;
    const Lifetime blocks[] = {{1000, 0, 3}, {500, 4, 5}, {1000, 6, 9}};
    size_t offsets[3];
    const size_t total = plan_memory(blocks, 3, offsets);
    check_no_overlap(blocks, offsets, 3, total);
    assert_int_equal(total, 1024);
}

static void blocks_that_meet_at_one_step_do_not(void **state)
{
    (void)state;
    const Lifetime blocks[] = {{640, 0, 3}, {640, 3, 5}};
    size_t offsets[2];
    assert_int_equal(plan_memory(blocks, 2, offsets), 1280);
}

static void a_gap_is_filled(void **state)
{
    (void)state;
    const Lifetime blocks[] = {{6400, 0, 9}, {640, 0, 2}, {1280, 3, 9}, {320, 2, 2}};
    size_t offsets[4];
    const size_t total = plan_memory(blocks, 4, offsets);
    check_no_overlap(blocks, offsets, 4, total);
    assert_int_equal(total, 6400 + 1280);
}

static void random_blocks_never_overlap(void **state)
{
    (void)state;
    enum { N = 200, STEPS = 60 };
    Rng rng = rng_new(1, RNG_TEST, 0);
    for (int round = 0; round < 20; round++) {
        Lifetime blocks[N];
        size_t offsets[N], alive[STEPS] = {0}, peak = 0;
        for (int i = 0; i < N; i++) {
            blocks[i].bytes = (size_t)rng_below(&rng, 5000);
            blocks[i].birth = (int)rng_below(&rng, STEPS);
            blocks[i].death =
                blocks[i].birth + (int)rng_below(&rng, (uint64_t)(STEPS - blocks[i].birth));
            for (int s = blocks[i].birth; s <= blocks[i].death; s++)
                alive[s] += (blocks[i].bytes + 63) / 64 * 64;
        }
        for (int s = 0; s < STEPS; s++)
            peak = alive[s] > peak ? alive[s] : peak;
        const size_t total = plan_memory(blocks, N, offsets);
        check_no_overlap(blocks, offsets, N, total);
        assert_true(total >= peak && total < peak + peak / 2);
    }
}

static void nothing_needs_nothing(void **state)
{
    (void)state;
    assert_int_equal(plan_memory(NULL, 0, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_that_never_meet_share_their_place),
        cmocka_unit_test(blocks_that_meet_at_one_step_do_not),
        cmocka_unit_test(a_gap_is_filled),
        cmocka_unit_test(random_blocks_never_overlap),
        cmocka_unit_test(nothing_needs_nothing),
    };
    return RUN_TESTS(tests);
}
