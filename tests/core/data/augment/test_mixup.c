/* tests/core/data/augment/test_mixup.c -- mixing in place gives what mixing into another place
 * does. */
#include "core/data/augment/mixup.h"

#include "tests/check.h"

enum { FLOATS = 37, MOST = 64 };

static void mixes_as_written_down(void **state)
{
    (void)state;
    int fixed_points = 0;
    for (int count = 1; count <= MOST; count++) {
        const DrawKey key = {7, 2, count};
        int32_t partners[MOST], again[MOST];
        const double share = mixup_draw(0.4, &key, count, partners);
        assert_true(share == mixup_draw(0.4, &key, count, again));
        assert_memory_equal(partners, again, (size_t)count * sizeof *partners);
        float images[MOST][FLOATS], before[MOST][FLOATS], room[FLOATS];
        for (int i = 0; i < count; i++)
            for (int k = 0; k < FLOATS; k++)
                images[i][k] = before[i][k] = (float)(i * 100 + k) / 7;
        mixup_images(images[0], FLOATS, count, share, again, room);
        bool seen[MOST] = {false};
        for (int i = 0; i < count; i++) {
            assert_in_range(partners[i], 0, count - 1);
            assert_false(seen[partners[i]]);
            seen[partners[i]] = true;
            fixed_points += partners[i] == i;
            for (int k = 0; k < FLOATS; k++) {
                const float want =
                    (float)share * before[i][k] + (float)(1 - share) * before[partners[i]][k];
                CHECK_NEAR(images[i][k], want, partners[i] == i ? 1e-4 : 0);
            }
        }
    }
    assert_in_range(fixed_points, 24, 104);  // one each on average, five deviations of 8
}

static void each_batch_draws_its_own(void **state)
{
    (void)state;
    const DrawKey keys[] = {{1, 0, 0}, {1, 0, 1}, {1, 1, 0}, {2, 0, 0}};
    int32_t partners[COUNT(keys)][MOST];
    double shares[COUNT(keys)];
    for (size_t i = 0; i < COUNT(keys); i++) {
        shares[i] = mixup_draw(1, &keys[i], MOST, partners[i]);
        for (size_t j = 0; j < i; j++) {
            assert_true(shares[i] != shares[j]);
            assert_memory_not_equal(partners[i], partners[j], sizeof partners[i]);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixes_as_written_down),
        cmocka_unit_test(each_batch_draws_its_own),
    };
    return RUN_TESTS(tests);
}
