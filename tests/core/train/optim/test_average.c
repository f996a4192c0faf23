/* tests/core/train/optim/test_average.c -- a moving average against that of
 * torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn(0.75) (PyTorch 2.6). */
#include "core/train/optim/average.h"

#include "tests/check.h"

enum { UPDATES = 4 };

static void averages_equal_pytorchs(void **state)
{
    (void)state;
    static const float WANT[UPDATES][2] = {{0.300000012f, -1},
                                           {0.375f, -0.875f},
                                           {0.506250024f, -0.739583373f},
                                           {0.6796875f, -0.6171875f}};
    float values[2] = {7, 7}, average[2] = {8, 8};
    ParamStore store = {.trained_count = 2, .values = values, .slots = {[SLOT_AVERAGE] = average}};
    for (int64_t n = 1; n <= UPDATES; n++) {
        values[0] = 0.3f * (float)n;
        values[1] = -1 / (float)n;
        average_update(&(Averaging){.decay = 0.75}, n, &store);
        for (int i = 0; i < 2; i++)
            CHECK_NEAR(average[i], WANT[n - 1][i], 1e-7);
    }
}

static void a_warm_up_lets_go_of_the_beginning(void **state)
{
    (void)state;
    float value = 1, average = 0;
    ParamStore store = {.trained_count = 1, .values = &value, .slots = {[SLOT_AVERAGE] = &average}};
    double want = 1;
    for (int64_t n = 1; n <= 200; n++) {
        value = (float)sin((double)n);
        average_update(&(Averaging){.decay = 0.9, .warmup = true}, n, &store);
        const double before = (double)n - 1, warm = (1 + before) / (10 + before);
        const double decay = n == 1 ? 0 : warm < 0.9 ? warm : 0.9;
        want = decay * want + (1 - decay) * (double)value;
        CHECK_NEAR(average, want, 1e-6);
    }
}

static void a_swap_exchanges_what_is_trained(void **state)
{
    (void)state;
    float values[] = {1, 2, 3}, average[] = {4, 5};
    ParamStore store = {
        .trained_count = 2, .count = 3, .values = values, .slots = {[SLOT_AVERAGE] = average}};
    average_swap(&store);
    assert_memory_equal(values, ((float[]){4, 5, 3}), sizeof values);
    assert_memory_equal(average, ((float[]){1, 2}), sizeof average);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(averages_equal_pytorchs),
        cmocka_unit_test(a_warm_up_lets_go_of_the_beginning),
        cmocka_unit_test(a_swap_exchanges_what_is_trained),
    };
    return RUN_TESTS(tests);
}
