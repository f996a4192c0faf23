/* tests/core/kernels/conv/test_gemm.c -- fast kernels against the plain ones, over all tails. */
#include "core/kernels/conv/gemm.h"

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/rng.h"
#include "tests/check.h"

enum { MAX_ROWS = 30, MAX_COLS = 80, MAX_DEPTH = 65, C_ROW = 96 };

static float *aligned(size_t count)
{
    return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
}

/* Numbers of either type: pairs of small bfloat16 in bf16. */
static void fill(float *numbers, size_t count, bool bf16, Rng *rng)
{
    for (size_t i = 0; i < count; i++) {
        if (bf16) {
            const uint16_t pair[2] = {float_to_bf16((float)rng_normal(rng)),
                                      float_to_bf16((float)rng_normal(rng))};
            memcpy(&numbers[i], pair, sizeof pair);
        } else {
            numbers[i] = (float)rng_normal(rng);
        }
    }
}

static void compare(bool bf16)
{
    GemmKernel *fast = gemm_kernel(bf16), *plain = bf16 ? gemm_plain_bf16 : gemm_plain_f32;
    if (!fast)
        skip();
    static const int COLS[] = {16, 32, 48, 80}, DEPTHS[] = {1, 7, MAX_DEPTH};
    Rng rng = rng_new(1, RNG_TEST, 0);
    float *a = aligned(MAX_ROWS * MAX_DEPTH), *b = aligned(MAX_COLS * MAX_DEPTH);
    float *got = aligned(MAX_ROWS * C_ROW), *want = aligned(MAX_ROWS * C_ROW);
    fill(a, MAX_ROWS * MAX_DEPTH, bf16, &rng);
    fill(b, MAX_COLS * MAX_DEPTH, bf16, &rng);
    for (int rows = 1; rows <= MAX_ROWS; rows++) {
        for (size_t i = 0; i < COUNT(COLS) * COUNT(DEPTHS) * 4; i++) {
            const int depth = DEPTHS[i / 4 / COUNT(COLS)];
            const bool by_column = i % 2;
            Gemm g = {.rows = rows,
                      .cols = COLS[i / 4 % COUNT(COLS)],
                      .depth = depth,
                      .a = a,
                      .a_row = by_column ? 1 : depth,
                      .a_depth = by_column ? rows : 1,
                      .b = b,
                      .c_row = C_ROW,
                      .add = i / 2 % 2};
            fill(want, MAX_ROWS * C_ROW, false, &rng);
            memcpy(got, want, MAX_ROWS * C_ROW * sizeof *got);
            g.c = want;
            plain(&g);
            g.c = got;
            fast(&g);
            for (int k = 0; k < MAX_ROWS * C_ROW; k++)
                CHECK_NEAR(got[k], want[k], 2e-5 * sqrt(depth) * 4);
        }
    }
    free(a);
    free(b);
    free(got);
    free(want);
}

static void float32_equals_the_plain_loop(void **state)
{
    (void)state;
    compare(false);
}

static void bfloat16_equals_the_plain_loop(void **state)
{
    (void)state;
    compare(true);
}

/* A few products that lie apart, with a by rows and longer rows than are multiplied. */
static void matrix_tiles_equal_the_plain_loop(void **state)
{
    (void)state;
    enum { COUNT_OF_PRODUCTS = 3, A_ROW = MAX_DEPTH + 2, TILE_ROWS = 64 };
    GemmKernel *tiles = gemm_tiles();
    if (!tiles)
        skip();
    // Rows of one tile, of two, of none that is whole; pairs in equal tiles and with a rest.
    static const int ROWS[] = {1, 16, 23, 32, 47, 48, 50, 64}, COLS[] = {16, 32, 48, 80};
    static const int DEPTHS[] = {1, 8, 16, 24, 28, 33, 64, MAX_DEPTH};
    Rng rng = rng_new(2, RNG_TEST, 0);
    const size_t a_count = TILE_ROWS * A_ROW, b_count = MAX_COLS * MAX_DEPTH;
    const size_t c_count = TILE_ROWS * C_ROW;
    float *a = aligned(COUNT_OF_PRODUCTS * a_count), *b = aligned(COUNT_OF_PRODUCTS * b_count);
    float *got = aligned(COUNT_OF_PRODUCTS * c_count), *want = aligned(COUNT_OF_PRODUCTS * c_count);
    fill(a, COUNT_OF_PRODUCTS * a_count, true, &rng);
    fill(b, COUNT_OF_PRODUCTS * b_count, true, &rng);
    for (size_t i = 0; i < COUNT(ROWS) * COUNT(COLS) * COUNT(DEPTHS) * 2; i++) {
        Gemm g = {.rows = ROWS[i / 2 % 8],
                  .cols = COLS[i / 16 % 4],
                  .depth = DEPTHS[i / 64],
                  .a = a,
                  .a_row = A_ROW,
                  .a_depth = 1,
                  .b = b,
                  .c_row = C_ROW,
                  .add = i % 2,
                  .count = COUNT_OF_PRODUCTS,
                  .a_step = (ptrdiff_t)a_count,
                  .b_step = (ptrdiff_t)b_count,
                  .c_step = (ptrdiff_t)c_count};
        fill(want, COUNT_OF_PRODUCTS * c_count, false, &rng);
        memcpy(got, want, COUNT_OF_PRODUCTS * c_count * sizeof *got);
        g.c = want;
        gemm_plain_bf16(&g);
        g.c = got;
        tiles(&g);
        for (size_t k = 0; k < COUNT_OF_PRODUCTS * c_count; k++)
            CHECK_NEAR(got[k], want[k], 2e-5 * sqrt(g.depth) * 4);
    }
    free(a);
    free(b);
    free(got);
    free(want);
}

static void the_plain_loop_multiplies(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3, 4};  // 2 x 2
    float b[2 * VEC], c[2 * VEC];
    for (int j = 0; j < 2 * VEC; j++) {
        b[j] = (float)j;
        c[j] = 1;
    }
    const Gemm g = {.rows = 2,
                    .cols = VEC,
                    .depth = 2,
                    .a = a,
                    .a_row = 2,
                    .a_depth = 1,
                    .b = b,
                    .c = c,
                    .c_row = VEC,
                    .add = true};
    gemm_plain_f32(&g);
    for (int j = 0; j < VEC; j++) {
        assert_true(c[j] == (float)(1 + j + 2 * (VEC + j)));
        assert_true(c[VEC + j] == (float)(1 + 3 * j + 4 * (VEC + j)));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_loop_multiplies),
        cmocka_unit_test(float32_equals_the_plain_loop),
        cmocka_unit_test(bfloat16_equals_the_plain_loop),
        cmocka_unit_test(matrix_tiles_equal_the_plain_loop),
    };
    return RUN_TESTS(tests);
}
