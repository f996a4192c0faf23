/* tests/core/kernels/test_max_pool_bf16.c -- pooling in 16 bits against naive loops. */
#include "core/kernels/max_pool_bf16.h"

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/rng.h"
#include "tests/check.h"
#include "tests/core/kernels/nan_bits.h"

static const MaxPoolBf16 CASES[] = {
    {.batch = 2, .channels = 32, .src_height = 6, .src_width = 6, .stride = 1, .pad = 1},
    {.batch = 3, .channels = 47, .src_height = 7, .src_width = 5, .stride = 2, .pad = 1},
    {.batch = 1, .channels = 130, .src_height = 3, .src_width = 8, .stride = 2, .pad = 0},
    {.batch = 2, .channels = 33, .src_height = 9, .src_width = 8, .stride = 3, .pad = 1},
    {.batch = 1, .channels = 64, .src_height = 11, .src_width = 4, .stride = 4, .pad = 0},
    {.batch = 1, .channels = 40, .src_height = 1, .src_width = 1, .stride = 1, .pad = 1},
};

typedef struct {
    MaxPoolBf16 p;
    uint16_t *src, *dst, *diff_dst, *diff_src;
    int16_t *argmax;
} Fixture;

/* Few different numbers, so that many are equal; of both signs, or below zero alone. */
static void fill(uint16_t *numbers, size_t count, bool negative, Rng *rng)
{
    for (size_t i = 0; i < count; i++) {
        const double x = floor(16 * rng_uniform(rng)) / 4;
        numbers[i] = float_to_bf16((float)(negative ? -1 - x : x - 2));
    }
}

static Fixture fixture_new(size_t i, bool negative)
{
    Fixture f = {.p = CASES[i]};
    MaxPoolBf16 *p = &f.p;
    p->dst_height = (p->src_height + 2 * p->pad - 3) / p->stride + 1;
    p->dst_width = (p->src_width + 2 * p->pad - 3) / p->stride + 1;
    const size_t src = (size_t)(p->batch * p->src_height * p->src_width * p->channels);
    const size_t dst = (size_t)(p->batch * p->dst_height * p->dst_width * p->channels);
    Rng rng = rng_new(i, RNG_TEST, 0);
    f.src = xcalloc(src, sizeof *f.src);
    f.diff_src = xcalloc(src, sizeof *f.diff_src);
    f.dst = xcalloc(dst, sizeof *f.dst);
    f.diff_dst = xcalloc(dst, sizeof *f.diff_dst);
    f.argmax = xcalloc(dst, sizeof *f.argmax);
    fill(f.src, src, negative, &rng);
    fill(f.diff_dst, dst, false, &rng);
    memset(f.diff_src, 0xff, src * sizeof *f.diff_src);  // NaNs
    return f;
}

static void fixture_free(Fixture *f)
{
    free(f->src);
    free(f->diff_src);
    free(f->dst);
    free(f->diff_dst);
    free(f->argmax);
}

static size_t index_of(const MaxPoolBf16 *p, int n, int height, int width, int y, int x, int c)
{
    return (size_t)(((n * height + y) * width + x) * p->channels + c);
}

/* Where in src the maximum of a window is: the first if there are several. */
static size_t naive_argmax(const Fixture *f, int n, int y, int x, int c)
{
    const MaxPoolBf16 *p = &f->p;
    float best = -INFINITY;
    size_t from = 0;
    for (int u = 0; u < 3; u++) {
        for (int v = 0; v < 3; v++) {
            const int row = y * p->stride + u - p->pad, column = x * p->stride + v - p->pad;
            if (row < 0 || column < 0 || row >= p->src_height || column >= p->src_width)
                continue;
            const size_t at = index_of(p, n, p->src_height, p->src_width, row, column, c);
            const float value = bf16_to_float(f->src[at]);
            from = value > best ? at : from;
            best = fmaxf(value, best);
        }
    }
    return from;
}

/* Calls check for each number of dst, with its index and that of its maximum. */
static void for_each_window(Fixture *f, void (*check)(Fixture *f, size_t at, size_t from))
{
    const MaxPoolBf16 *p = &f->p;
    for (int n = 0; n < p->batch; n++)
        for (int y = 0; y < p->dst_height; y++)
            for (int x = 0; x < p->dst_width; x++)
                for (int c = 0; c < p->channels; c++)
                    check(f, index_of(p, n, p->dst_height, p->dst_width, y, x, c),
                          naive_argmax(f, n, y, x, c));
}

static void check_maximum(Fixture *f, size_t at, size_t from)
{
    assert_int_equal(f->dst[at], f->src[from]);
}

static void the_largest_of_each_window_comes_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        Fixture f = fixture_new(i / 2, i % 2);
        max_pool_bf16_forward(&f.p, f.src, f.dst, NULL);
        for_each_window(&f, check_maximum);
        max_pool_bf16_forward(&f.p, f.src, f.dst, f.argmax);
        for_each_window(&f, check_maximum);
        fixture_free(&f);
    }
}

/* Takes the gradient back from where it should be: all that is left must be 0. Quarters below 4 add
 * up without rounding. */
static void take_back(Fixture *f, size_t at, size_t from)
{
    f->diff_src[from] =
        float_to_bf16(bf16_to_float(f->diff_src[from]) - bf16_to_float(f->diff_dst[at]));
}

static void gradients_go_where_the_maximum_came_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        Fixture f = fixture_new(i / 2, i % 2);
        max_pool_bf16_forward(&f.p, f.src, f.dst, f.argmax);
        max_pool_bf16_backward(&f.p, f.diff_dst, f.argmax, f.diff_src);
        for_each_window(&f, take_back);
        const size_t count = (size_t)(f.p.batch * f.p.src_height * f.p.src_width * f.p.channels);
        for (size_t k = 0; k < count; k++)
            assert_true(bf16_to_float(f.diff_src[k]) == 0);
        fixture_free(&f);
    }
}

/* Infinities are numbers like others, and a NaN of either sign is the maximum of every window that
 * it is in, wherever it stands in it. */
static void infinities_and_nans_come_through(void **state)
{
    (void)state;
    const MaxPoolBf16 whole = {.batch = 1,
                               .channels = 32,
                               .src_height = 3,
                               .src_width = 3,
                               .dst_height = 3,
                               .dst_width = 3,
                               .stride = 1,
                               .pad = 1};
    for (size_t i = 0; i < COUNT(ODD_BITS); i++) {
        for (int at = 0; at < 9; at++) {
            uint16_t src[9 * 32], dst[9 * 32], none[9 * 32];
            int16_t argmax[9 * 32];
            for (int k = 0; k < 9 * 32; k++)
                src[k] = float_to_bf16((float)(k % 7) - 3);
            const uint16_t odd = (uint16_t)(ODD_BITS[i] >> 16);
            for (int c = 0; c < 32; c++)
                src[at * 32 + c] = odd;
            max_pool_bf16_forward(&whole, src, dst, argmax);
            max_pool_bf16_forward(&whole, src, none, NULL);
            assert_memory_equal(none, dst, sizeof dst);
            const bool largest = ODD_BITS[i] != 0xff800000;  // all but minus infinity
            for (int c = 0; c < 32; c++) {
                // The middle sees everything.
                assert_int_equal(dst[4 * 32 + c] == odd, largest);
                assert_int_equal(argmax[4 * 32 + c] == at, largest);
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_of_each_window_comes_out),
        cmocka_unit_test(gradients_go_where_the_maximum_came_from),
        cmocka_unit_test(infinities_and_nans_come_through),
    };
    return RUN_TESTS(tests);
}
