/* tests/server/data/import/test_near.c -- perceptual hashes, and groups of near ones against the
 * comparison of all pairs. */
#include "server/data/import/near.h"

#include <stdio.h>

#include "core/base/numbers/rng.h"
#include "server/data/decoder/phash.h"
#include "tests/check.h"

enum { SIDE = 48, PIXELS = SIDE * SIDE * 3, BLOBS = 16 };

/* Soft blobs, so that a picture has a look of its own. */
static void draw(uint8_t *pixels, uint64_t seed)
{
    Rng rng = rng_new(seed, RNG_TEST, 0);
    double x[BLOBS], y[BLOBS], r[BLOBS], colour[BLOBS][3];
    for (int i = 0; i < BLOBS; i++) {
        x[i] = rng_uniform(&rng) * SIDE;
        y[i] = rng_uniform(&rng) * SIDE;
        r[i] = 2 + rng_uniform(&rng) * SIDE / 8;
        for (int c = 0; c < 3; c++)
            colour[i][c] = rng_uniform(&rng) * 200 - 100;
    }
    for (int p = 0; p < SIDE * SIDE; p++) {
        for (int c = 0; c < 3; c++) {
            double v = 128;
            for (int i = 0; i < BLOBS; i++) {
                const double dx = p % SIDE - x[i], dy = p / SIDE - y[i];
                v += colour[i][c] * exp(-(dx * dx + dy * dy) / (r[i] * r[i]));
            }
            pixels[3 * p + c] = (uint8_t)fmin(fmax(v, 0), 255);
        }
    }
}

/* Brighter by a tenth, with noise of a few steps. */
static void disturb(uint8_t *pixels, uint64_t seed)
{
    Rng rng = rng_new(seed, RNG_TEST, 1);
    for (int i = 0; i < PIXELS; i++) {
        const int v = pixels[i] + 12 + (int)rng_below(&rng, 5) - 2;
        pixels[i] = (uint8_t)(v > 255 ? 255 : v);
    }
}

static void pictures_that_look_alike_have_near_hashes(void **state)
{
    (void)state;
    enum { PICTURES = 40 };
    uint8_t pixels[PIXELS];
    uint64_t hashes[PICTURES];
    Phash *p = phash_new(SIDE);
    for (int i = 0; i < PICTURES; i++) {
        draw(pixels, (uint64_t)i);
        hashes[i] = phash_of(p, pixels, 3);
        disturb(pixels, (uint64_t)i);
        const int distance = phash_distance(hashes[i], phash_of(p, pixels, 3));
        if (distance > NEAR_BITS)
            fail_msg("picture %d, disturbed, is %d bits away", i, distance);
        for (int j = 0; j < i; j++)
            if (phash_distance(hashes[i], hashes[j]) <= NEAR_BITS)
                fail_msg("pictures %d and %d, which are different, are near", i, j);
    }
    phash_free(p);
}

/* The definition, spelled out: a cosine for each term. */
static uint64_t naive_hash(const uint8_t *grey, int n)
{
    double f[64], sorted[64];
    for (int v = 0; v < 8; v++)
        for (int u = 0; u < 8; u++) {
            f[8 * v + u] = 0;
            for (int y = 0; y < n; y++)
                for (int x = 0; x < n; x++)
                    f[8 * v + u] += grey[y * n + x] * cos(M_PI * (2 * x + 1) * u / (2 * n))
                                    * cos(M_PI * (2 * y + 1) * v / (2 * n));
        }
    memcpy(sorted, f, sizeof f);
    for (int i = 1; i < 64; i++)
        for (int j = i; j > 0 && sorted[j] < sorted[j - 1]; j--) {
            const double swap = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = swap;
        }
    uint64_t hash = 0;
    for (int i = 0; i < 64; i++)
        hash |= (uint64_t)(f[i] > (sorted[31] + sorted[32]) / 2) << i;
    return hash;
}

static void the_hash_is_the_one_of_the_definition(void **state)
{
    (void)state;
    static const int SIZES[] = {8, 13, 32, 96};
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        const int n = SIZES[s];
        uint8_t grey[96 * 96];
        Phash *p = phash_new(n);
        for (uint64_t seed = 0; seed < 10; seed++) {
            Rng rng = rng_new(seed, RNG_TEST, 2);
            for (int i = 0; i < n * n; i++)
                grey[i] = (uint8_t)rng_next(&rng);
            assert_int_equal(phash_of(p, grey, 1), naive_hash(grey, n));
        }
        phash_free(p);
    }
}

static uint64_t flip_bits(Rng *rng, uint64_t hash, int count)
{
    for (int i = 0; i < count; i++)
        hash ^= (uint64_t)1 << rng_below(rng, 64);
    return hash;
}

/* All pairs, joined until nothing changes. */
static void naive_groups(const uint64_t *hashes, size_t count, size_t *groups)
{
    for (size_t i = 0; i < count; i++)
        groups[i] = i;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < count; j++)
                if (phash_distance(hashes[i], hashes[j]) <= NEAR_BITS && groups[i] > groups[j]) {
                    groups[i] = groups[j];
                    changed = true;
                }
    }
}

static void groups_are_those_of_all_pairs(void **state)
{
    (void)state;
    enum { PICTURES = 600 };
    static uint64_t hashes[PICTURES];
    static size_t got[PICTURES], want[PICTURES];
    for (uint64_t seed = 0; seed < 10; seed++) {
        Rng rng = rng_new(seed, RNG_TEST, 3);
        for (size_t i = 0; i < PICTURES; i++)
            hashes[i] = i < 100 || rng_below(&rng, 3) == 0
                            ? rng_next(&rng)
                            : flip_bits(&rng, hashes[rng_below(&rng, i)], (int)rng_below(&rng, 7));
        assert_true(near_groups(hashes, PICTURES, got));
        naive_groups(hashes, PICTURES, want);
        for (size_t i = 0; i < PICTURES; i++)
            assert_int_equal(got[i], want[i]);
    }
    assert_true(near_groups(hashes, 0, got));
}

/* A chain that would join all of them: it is cut, and equal ones stay together. */
static void a_group_ends_at_its_largest_size(void **state)
{
    (void)state;
    enum { PICTURES = 3 * NEAR_MOST };
    static uint64_t hashes[PICTURES];
    static size_t groups[PICTURES];
    int sizes[PICTURES] = {0};
    for (size_t i = 0; i < PICTURES; i++)
        hashes[i] = (uint64_t)i;  // near ones differ in few of nine bits
    near_groups(hashes, PICTURES, groups);
    for (size_t i = 0; i < PICTURES; i++)
        sizes[groups[i]]++;
    for (size_t i = 0; i < PICTURES; i++)
        assert_true(sizes[i] <= NEAR_MOST);
    for (size_t i = 0; i < PICTURES; i++)
        hashes[i] = 5;
    near_groups(hashes, PICTURES, groups);
    for (size_t i = 0; i < PICTURES; i++)
        assert_int_equal(groups[i], 0);
}

/* Hashes that all share a band are the worst case: it ends, and says that it was cut short. */
static void crowded_buckets_end(void **state)
{
    (void)state;
    enum { PICTURES = 20000 };
    uint64_t *hashes = xcalloc(PICTURES, sizeof *hashes);
    size_t *groups = xcalloc(PICTURES, sizeof *groups);
    Rng rng = rng_new(1, RNG_TEST, 4);
    for (size_t i = 0; i < PICTURES; i++)
        hashes[i] = rng_next(&rng) & ~(uint64_t)0x1fff;
    assert_false(near_groups(hashes, PICTURES, groups));
    free(hashes);
    free(groups);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_that_look_alike_have_near_hashes),
        cmocka_unit_test(the_hash_is_the_one_of_the_definition),
        cmocka_unit_test(groups_are_those_of_all_pairs),
        cmocka_unit_test(a_group_ends_at_its_largest_size),
        cmocka_unit_test(crowded_buckets_end),
    };
    return RUN_TESTS(tests);
}
