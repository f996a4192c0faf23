/* tests/core/data/test_normalization.c -- the figures of a split, and what becomes of a value. */
#include "core/data/normalization.h"

#include "core/base/numbers/rng.h"
#include "tests/check.h"

enum { EXAMPLES = 40, HEIGHT = 5, WIDTH = 3, CHANNELS = 3, AREA = HEIGHT * WIDTH };

static void measures_mean_and_deviation(void **state)
{
    (void)state;
    uint8_t pixels[EXAMPLES][AREA][CHANNELS];
    Rng rng = rng_new(1, RNG_TEST, 0);
    for (int e = 0; e < EXAMPLES; e++)
        for (int i = 0; i < AREA; i++) {
            pixels[e][i][0] = (uint8_t)rng_below(&rng, 256);
            pixels[e][i][1] = (uint8_t)(100 + e + (int)rng_below(&rng, 20));
            pixels[e][i][2] = 51;
        }
    const Split split = {.count = EXAMPLES, .pixels = pixels[0][0]};
    const int32_t examples[] = {0, 3, 4, 17, 39};
    const Normalization n =
        normalization_measure(&split, (Shape){CHANNELS, HEIGHT, WIDTH}, examples, COUNT(examples));
    assert_int_equal(n.channels, CHANNELS);
    for (int c = 0; c < CHANNELS; c++) {
        double sum = 0, squares = 0;
        for (size_t e = 0; e < COUNT(examples); e++)
            for (int i = 0; i < AREA; i++)
                sum += pixels[examples[e]][i][c] / 255.0;
        const double mean = sum / (COUNT(examples) * AREA);
        for (size_t e = 0; e < COUNT(examples); e++)
            for (int i = 0; i < AREA; i++)
                squares += pow(pixels[examples[e]][i][c] / 255.0 - mean, 2);
        const double deviation = sqrt(squares / (COUNT(examples) * AREA));
        CHECK_NEAR(n.mean[c], mean, 1e-14);
        CHECK_NEAR(n.deviation[c], c == 2 ? 1 : deviation, 1e-14);
    }
}

/* The sums of 60,000 large white pictures would not fit 64 bits once multiplied. */
static void large_sums_stay_exact(void **state)
{
    (void)state;
    enum { SIDE = 256, REPEATS = 60000 };
    uint8_t *pixels = xcalloc(SIDE * SIDE, 1);
    memset(pixels, 255, SIDE * SIDE / 2);
    int32_t *examples = xcalloc(REPEATS, sizeof *examples);  // the same one again and again
    const Split split = {.count = 1, .pixels = pixels};
    const Normalization n =
        normalization_measure(&split, (Shape){1, SIDE, SIDE}, examples, REPEATS / 100);
    assert_true(n.mean[0] == 0.5);
    assert_true(n.deviation[0] == 0.5);
    free(examples);
    free(pixels);
}

static void values_are_those_of_totensor_and_normalize(void **state)
{
    (void)state;
    float table[2][256];
    normalization_table(&(Normalization){0}, 2, table);
    for (int c = 0; c < 2; c++)
        for (int v = 0; v < 256; v++)
            assert_true(table[c][v] == (float)v / 255.0f);
    const Normalization n = {2, {0.2860, 0.5}, {0.3530, 0.25}};
    normalization_table(&n, 2, table);
    for (int c = 0; c < 2; c++)
        for (int v = 0; v < 256; v++) {
            float want = (float)v / 255.0f;
            want -= (float)n.mean[c];
            want /= (float)n.deviation[c];
            assert_true(table[c][v] == want);
        }
    // torch.tensor([v / 255]).sub(0.286).div(0.353)
    CHECK_NEAR(table[0][0], -0.81019831, 1e-7);
    CHECK_NEAR(table[0][255], 2.02266288, 1e-6);
}

static void text_loses_nothing(void **state)
{
    (void)state;
    static const Normalization CASES[] = {
        {0}, {1, {0.1}, {1.0 / 3}}, {4, {-1e300, 5e-324, 0, 1}, {1e-300, 1.7e308, 1, 0.35302}}};
    char text[NORMALIZATION_TEXT];
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Normalization got;
        normalization_to_text(&CASES[i], text);
        assert_true(strlen(text) < NORMALIZATION_TEXT - 50 || i > 1);
        assert_true(normalization_from_text(text, &got));
        assert_memory_equal(&got, &CASES[i], sizeof got);
    }
    normalization_to_text(&(Normalization){2, {0.5, 0.25}, {1, 2}}, text);
    assert_string_equal(text, "{\"mean\":[0.5,0.25],\"std\":[1,2]}");
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const FAULTS[] = {
        " ",
        "{}",
        "{\"mean\":[0.5]}",
        "{\"mean\":[],\"std\":[]}",
        "{\"mean\":[0.5],\"std\":[0.5,0.5]}",
        "{\"mean\":[0.5],\"std\":[0]}",
        "{\"mean\":[0.5],\"std\":[-1]}",
        "{\"mean\":[nan],\"std\":[1]}",
        "{\"mean\":[0.5],\"std\":[inf]}",
        "{\"mean\":[0.5],\"std\":[1]} ",
        "{\"mean\":[0.5],\"std\":[1",
        "{\"mean\":[1,2,3,4,5],\"std\":[1,2,3,4,5]}",
    };
    for (size_t i = 0; i < COUNT(FAULTS); i++) {
        Normalization got = {.channels = 7};
        if (normalization_from_text(FAULTS[i], &got))
            fail_msg("%s was not refused", FAULTS[i]);
        assert_int_equal(got.channels, 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_mean_and_deviation),
        cmocka_unit_test(large_sums_stay_exact),
        cmocka_unit_test(values_are_those_of_totensor_and_normalize),
        cmocka_unit_test(text_loses_nothing),
        cmocka_unit_test(other_texts_are_refused),
    };
    return RUN_TESTS(tests);
}
