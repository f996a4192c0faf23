/* tests/core/data/resample/test_resample.c -- every row kernel that this CPU has gives the plain
 * loop's bytes, reads nothing outside of its rows and writes nothing outside of its pixels. That
 * the plain loop's bytes are Pillow's is for test_resize and test_decode to say. */
#include "core/data/resample/resample.h"

#include "core/base/numbers/rng.h"
#include "core/data/resample/passes.h"
#include "core/data/resample/row_kernels.h"
#include "tests/check.h"

enum { GUARD = 0xa5 };

/* Half of them black or white: the largest sums. */
static void fill(uint8_t *pixels, size_t count, Rng *rng)
{
    for (size_t i = 0; i < count; i++) {
        const int value = (int)rng_below(rng, 512) - 128;
        pixels[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

typedef struct {
    int width, channels, rows, size;
    float begin, end;
    Filter filter;
} Case;

static void check_kernel(const RowKernel *kernel, const Case *c, Rng *rng)
{
    const size_t src_row = (size_t)(c->width * c->channels),
                 dst_row = (size_t)(c->size * c->channels);
    const size_t gap = 3, rows = (size_t)c->rows;
    uint8_t *src = malloc(rows * src_row);  // ends are guarded by AddressSanitizer
    uint8_t *want = malloc(rows * (dst_row + gap)), *got = malloc(rows * (dst_row + gap));
    Taps taps;
    fill(src, rows * src_row, rng);
    memset(want, GUARD, rows * (dst_row + gap));
    memset(got, GUARD, rows * (dst_row + gap));
    taps_init(&taps, c->width, c->begin, c->end, c->size, c->filter);
    row_pass_plain(&taps, c->channels, c->rows, src, src_row, want, dst_row + gap);
    row_pass_by(kernel, &taps, c->channels, c->rows, src, src_row, got, dst_row + gap);
    for (size_t i = 0; i < rows * (dst_row + gap); i++)
        if (got[i] != want[i])
            fail_msg("%s: %d x %d x %d, %g to %g, to %d: byte %zu is %d, want %d", kernel->name,
                     c->rows, c->width, c->channels, (double)c->begin, (double)c->end, c->size, i,
                     got[i], want[i]);
    taps_free(&taps);
    free(src);
    free(want);
    free(got);
}

static void kernels_equal_the_plain_loop(void **state)
{
    (void)state;
    Rng rng = rng_new(7, RNG_TEST, 0);
    int count;
    const RowKernel *const *kernels = row_kernels(&count);
    for (int n = 0; n < 600; n++) {
        Case c = {.width = 1 + (int)rng_below(&rng, n % 10 == 0 ? 900u : 60u),
                  .channels = n % 2 == 0 ? 1 : 3,
                  .rows = 1 + (int)rng_below(&rng, 9),
                  .size = 1 + (int)rng_below(&rng, 50),
                  .filter = n % 3 == 0 ? FILTER_BICUBIC : FILTER_BILINEAR};
        c.begin = (float)rng_below(&rng, (uint64_t)c.width) * 0.5f;
        c.end = c.begin
                + (float)(1 + rng_below(&rng, (uint64_t)(2 * ((float)c.width - c.begin)))) * 0.5f;
        c.end = c.end > (float)c.width ? (float)c.width : c.end;
        for (int k = 0; k < count; k++)
            if (kernels[k]->supported())
                check_kernel(kernels[k], &c, &rng);
    }
}

/* A picture inside a larger one, to a part of a larger one; and one pass or none where a side
 * stays. */
static void only_its_part_is_written(void **state)
{
    (void)state;
    Rng rng = rng_new(7, RNG_TEST, 0);
    uint8_t src[20 * 30 * 3], dst[40 * 40 * 3];
    fill(src, sizeof src, &rng);
    const Picture part = {src + 5 * 3, 30 * 3, 20, 11, 3};
    const ResampleBox whole = {0, 0, 11, 20};
    for (int n = 0; n < 4; n++) {
        const int width = n & 1 ? 11 : 17, height = n & 2 ? 20 : 9;
        Error err;
        memset(dst, GUARD, sizeof dst);
        CHECK_OK(resample(&part, &whole, FILTER_BICUBIC, width, height, dst, 40 * 3, &err), err);
        for (int y = 0; y < 40; y++)
            for (int x = 0; x < 40 * 3; x++)
                if (y >= height || x >= width * 3)
                    assert_int_equal(dst[y * 40 * 3 + x], GUARD);
        if (n == 3)
            for (int y = 0; y < 20; y++)
                assert_memory_equal(dst + y * 40 * 3, part.pixels + (size_t)y * part.row_bytes, 33);
    }
}

/* White stays white for any box and size: weights sum to one within rounding. */
static void a_flat_picture_stays_flat(void **state)
{
    (void)state;
    uint8_t src[31 * 23 * 3], dst[50 * 50 * 3];
    const Picture p = {src, 31 * 3, 23, 31, 3};
    for (int value = 0; value <= 255; value += 51)
        for (int size = 1; size <= 50; size += 7) {
            const ResampleBox box = {4.5f, 0.25f, 29.5f, 22.75f};
            Error err;
            memset(src, value, sizeof src);
            CHECK_OK(resample(&p, &box, FILTER_BICUBIC, size, size, dst, (size_t)size * 3, &err),
                     err);
            for (int i = 0; i < size * size * 3; i++)
                assert_int_equal(dst[i], value);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_equal_the_plain_loop),
        cmocka_unit_test(only_its_part_is_written),
        cmocka_unit_test(a_flat_picture_stays_flat),
    };
    return RUN_TESTS(tests);
}
