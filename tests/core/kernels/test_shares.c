/* tests/core/kernels/test_shares.c -- how work is cut up for teams of all sizes. */
#include "core/kernels/shares.h"

#include "tests/check.h"

static void the_busiest_has_no_more_than_it_must(void **state)
{
    (void)state;
    static const int CASES[][3] = {{0, 4, 0}, {1, 4, 1}, {4, 4, 1}, {5, 4, 2}, {12, 16, 1}};
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(shares_most(CASES[i][0], CASES[i][1]), CASES[i][2]);
}

static void small_teams_take_large_blocks(void **state)
{
    (void)state;
    // The weights of GoogLeNet's 3x3 from 64 to 192 channels: two blocks of 32 rows, six times.
    assert_int_equal(shares_block_rows(64, 6, 32, 1), 32);
    assert_int_equal(shares_block_rows(64, 6, 32, 2), 32);
    assert_int_equal(shares_block_rows(64, 6, 32, 4), 32);
    assert_int_equal(shares_block_rows(64, 6, 32, 8), 16);
    assert_int_equal(shares_block_rows(64, 6, 32, 64), 8);
}

/* However many threads: no thread has more than twice its share, unless there is one block for
 * each.
 */
static void no_thread_is_left_with_much_more(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 96; threads++) {
        for (int rows = 16; rows <= 512; rows += 16) {
            for (int columns = 1; columns <= 12; columns++) {
                const int block = shares_block_rows(rows, columns, 32, threads);
                const int blocks = (rows + block - 1) / block * columns;
                const int most = shares_most(blocks, threads);
                assert_true(block == 32 || block == 16 || block == 8);
                assert_true(most == 1 || most * threads < 2 * blocks);
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_busiest_has_no_more_than_it_must),
        cmocka_unit_test(small_teams_take_large_blocks),
        cmocka_unit_test(no_thread_is_left_with_much_more),
    };
    return RUN_TESTS(tests);
}
