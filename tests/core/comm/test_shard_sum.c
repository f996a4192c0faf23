/* tests/core/comm/test_shard_sum.c -- the sum over shards: the same bits on any number of ranks. */
#include "core/comm/shard_sum.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/numbers/rng.h"
#include "tests/check.h"
#include "tests/core/comm/thread_ranks.h"

enum { NUMBERS = 5003 };

typedef struct {
    int shards, ranges;
    float *results;  // (ranks, NUMBERS)
} Case;

static float number(int shard, size_t i)
{
    Rng rng = rng_new(7, RNG_ORDER, (uint64_t)shard * NUMBERS + i);
    return (float)(rng_uniform(&rng) - 0.5) * (float)(1 << (shard % 8));
}

/* In ranges that come from the end, as gradients do; twice, to see that nothing is left over. */
static void sum_once(const Comm *comm, ShardSum *sum, const Case *c)
{
    float *result = c->results + (size_t)comm_rank(comm) * NUMBERS;
    for (int s = shard_sum_first(sum); s < shard_sum_end(sum); s++)
        for (size_t i = 0; i < NUMBERS; i++)
            shard_sum_array(sum, s)[i] = number(s, i);
    for (int r = c->ranges - 1; r >= 0; r--) {
        const size_t first = NUMBERS * (size_t)r / (size_t)c->ranges;
        shard_sum_begin(sum, first, NUMBERS * (size_t)(r + 1) / (size_t)c->ranges - first,
                        result + first);
        shard_sum_progress(sum);
    }
    shard_sum_finish(sum);
}

static void sum_as_rank(const Comm *comm, void *context)
{
    const Case *c = context;
    ShardSum *sum = NULL;
    Error err = {0};
    if (!shard_sum_new(comm, c->shards, NUMBERS, &sum, &err))
        abort();
    sum_once(comm, sum, c);
    sum_once(comm, sum, c);
    shard_sum_free(sum);
}

/* Neighbours first, then pairs of neighbours. */
static float tree(const float *x, int count)
{
    int half = 1;
    if (count == 1)
        return x[0];
    while (2 * half < count)
        half *= 2;
    return tree(x, half) + tree(x + half, count - half);
}

static void the_order_is_that_of_the_shards(void **state)
{
    (void)state;
    static const struct {
        int shards, ranks;
    } CASES[] = {{1, 1}, {2, 1}, {2, 2},  {3, 1},  {3, 3},  {4, 1},  {4, 2},
                 {4, 4}, {6, 2}, {6, 3},  {6, 6},  {7, 7},  {8, 4},  {12, 4},
                 {5, 5}, {9, 3}, {64, 8}, {10, 2}, {10, 5}, {24, 8}, {15, 5}};
    for (size_t k = 0; k < COUNT(CASES); k++) {
        for (int ranges = 1; ranges <= 40; ranges += 13) {
            Case c = {CASES[k].shards, ranges, NULL};
            c.results = xcalloc((size_t)CASES[k].ranks * NUMBERS, sizeof(float));
            as_ranks(CASES[k].ranks, sum_as_rank, &c);
            for (size_t i = 0; i < NUMBERS; i++) {
                float x[SHARDS_MAX];
                for (int s = 0; s < c.shards; s++)
                    x[s] = number(s, i);
                for (int r = 0; r < CASES[k].ranks; r++)
                    assert_true(c.results[(size_t)r * NUMBERS + i] == tree(x, c.shards));
            }
            free(c.results);
        }
    }
}

/* Whoever calls it now and then has the sums without waiting for them at the end. */
static void sum_in_passing(const Comm *comm, void *context)
{
    const Case *c = context;
    float *result = c->results + (size_t)comm_rank(comm) * NUMBERS;
    ShardSum *sum = NULL;
    Error err = {0};
    if (!shard_sum_new(comm, c->shards, NUMBERS, &sum, &err))
        abort();
    for (int s = shard_sum_first(sum); s < shard_sum_end(sum); s++)
        for (size_t i = 0; i < NUMBERS; i++)
            shard_sum_array(sum, s)[i] = 1;
    for (size_t i = 0; i < NUMBERS; i++)
        result[i] = 0;
    shard_sum_begin(sum, 0, NUMBERS, result);
    for (size_t i = 0; i < NUMBERS; i++)
        while (result[i] == 0)
            shard_sum_progress(sum);
    shard_sum_finish(sum);
    shard_sum_free(sum);
}

static void sums_come_before_the_end(void **state)
{
    (void)state;
    Case c = {6, 1, xcalloc(3 * (size_t)NUMBERS, sizeof(float))};
    as_ranks(3, sum_in_passing, &c);
    for (size_t i = 0; i < 3 * (size_t)NUMBERS; i++)
        assert_true(c.results[i] == (float)c.shards);
    free(c.results);
}

/* ---- What the ranks tell each other ---- */

static void tell(const Comm *comm, void *context)
{
    Error *errors = context;
    char *text = comm_rank(comm) == 0 ? xstrdup("of rank 0") : NULL;
    comm_broadcast_text(comm, &text);
    bool ok = text && strcmp(text, "of rank 0") == 0;
    free(text);
    ok = ok && comm_max(comm, 10 + comm_rank(comm)) == 9 + comm_size(comm);
    ok = ok && comm_min(comm, 10 + comm_rank(comm)) == 10;
    Error *err = &errors[comm_rank(comm)];
    if (!comm_agree(comm, ok, err) || !comm_same(comm, "a 1\nb 2\n", err))
        abort();
    comm_same(comm, comm_rank(comm) == 2 ? "a 1\nb 3\n" : "a 1\nb 2\n", err);
}

static void a_fault_of_one_rank_is_everybodys(void **state)
{
    (void)state;
    Error errors[4] = {0};
    as_ranks(4, tell, errors);
    for (int r = 0; r < 4; r++) {
        assert_int_equal(errors[r].code, ERR_INVALID);
        assert_string_equal(errors[r].message, "rank 2: it has b 3, and rank 0 has b 2");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_that_of_the_shards),
        cmocka_unit_test(sums_come_before_the_end),
        cmocka_unit_test(a_fault_of_one_rank_is_everybodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
