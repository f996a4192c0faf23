/* tests/core/train/optim/test_optimizer.c -- three updates against torch.optim.SGD (PyTorch 1.13,
 * float32). */
#include "core/train/optim/optimizer.h"

#include <omp.h>

#include "core/train/optim/schedule.h"
#include "tests/check.h"

enum { N = 4, STEPS = 3 };

/* w starts at {1, -2, 0.5, 0.25}; the gradient of step s, from 1, is {0.5, -1, 0.25 s, 4 - s}. */
static const struct {
    Sgd sgd;
    float want[STEPS][N];
} CASES[] = {
    {{0},
     {{0.949999988f, -1.89999998f, 0.474999994f, -0.0500000045f},
      {0.899999976f, -1.79999995f, 0.424999982f, -0.25f},
      {0.849999964f, -1.69999993f, 0.349999994f, -0.349999994f}}},
    {{.weight_decay = 0.1},
     {{0.939999998f, -1.88f, 0.469999999f, -0.0525000133f},
      {0.880599976f, -1.76119995f, 0.415300012f, -0.25197503f},
      {0.821793973f, -1.64358795f, 0.33614701f, -0.349455267f}}},
    {{.momentum = 0.9},
     {{0.949999988f, -1.89999998f, 0.474999994f, -0.0500000045f},
      {0.854999959f, -1.70999992f, 0.402500004f, -0.519999981f},
      {0.719499946f, -1.43899989f, 0.262250006f, -1.04299998f}}},
    {{.momentum = 0.9, .nesterov = true, .weight_decay = 0.05},
     {{0.895500004f, -1.79100001f, 0.447750002f, -0.322375029f},
      {0.747442782f, -1.49488556f, 0.326221377f, -0.943324983f},
      {0.561120331f, -1.12224066f, 0.118261389f, -1.50466895f}}},
};

static void updates_equal_pytorchs(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(CASES); c++) {
        float values[N] = {1, -2, 0.5f, 0.25f}, grads[N], momentum[N] = {0};
        ParamStore store = {
            .trained_count = N, .values = values, .grads = grads, .slots = {momentum}};
        for (int s = 1; s <= STEPS; s++) {
            const float g[N] = {0.5f, -1, 0.25f * (float)s, 4 - (float)s};
            memcpy(grads, g, sizeof g);
            sgd_step(&CASES[c].sgd, 0.1, &store);
            for (int i = 0; i < N; i++)
                CHECK_NEAR(values[i], CASES[c].want[s - 1][i], 1e-6);
        }
    }
}

static void plain_sgd_needs_no_momentum(void **state)
{
    (void)state;
    float values[] = {1}, grads[] = {2};
    ParamStore store = {.trained_count = 1, .values = values, .grads = grads};
    sgd_step(&(Sgd){0}, 0.25, &store);
    CHECK_NEAR(values[0], 0.5, 0);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    enum { MANY = 10007 };
    float *values[2], *grads = xcalloc(MANY, sizeof *grads);
    for (int i = 0; i < MANY; i++)
        grads[i] = (float)sin(i);
    for (int t = 0; t < 2; t++) {
        values[t] = xcalloc(MANY, sizeof *grads);
        float *momentum = xcalloc(MANY, sizeof *grads);
        ParamStore store = {
            .trained_count = MANY, .values = values[t], .grads = grads, .slots = {momentum}};
        omp_set_num_threads(1 + 2 * t);
        for (int s = 0; s < 5; s++)
            sgd_step(&(Sgd){.momentum = 0.9, .weight_decay = 0.01}, 0.1, &store);
        free(momentum);
    }
    assert_memory_equal(values[0], values[1], MANY * sizeof *grads);
    free(values[0]);
    free(values[1]);
    free(grads);
}

enum { LONG = 5000 };  // more than two chunks, and a rest

static SgdReport step_of(float *values, float *grads, Sgd sgd, double rate)
{
    float *momentum = xcalloc(LONG, sizeof *momentum);
    ParamStore store = {
        .trained_count = LONG, .values = values, .grads = grads, .slots = {momentum}};
    const SgdReport report = sgd_step(&sgd, rate, &store);
    free(momentum);
    return report;
}

static void the_norm_is_that_of_all_gradients(void **state)
{
    (void)state;
    float *values = xcalloc(LONG, sizeof *values), *grads = xcalloc(LONG, sizeof *grads);
    double squares = 0;
    for (int i = 0; i < LONG; i++) {
        grads[i] = (float)sin(i);
        squares += (double)grads[i] * grads[i];
    }
    for (int m = 0; m < 2; m++) {
        const SgdReport r = step_of(values, grads, (Sgd){.momentum = 0.9 * m}, 0.1);
        CHECK_NEAR(r.grad_norm, sqrt(squares), 1e-3);
        assert_true(r.values_finite);
    }
    free(values);
    free(grads);
}

/* Wherever it stands: at an edge of a vector, of a chunk, of the array. */
static void what_is_no_number_is_seen(void **state)
{
    (void)state;
    static const int PLACES[] = {0, 1, 15, 16, 2047, 2048, 4095, 4999};
    static const float BAD[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(PLACES); i++) {
        for (size_t b = 0; b < COUNT(BAD); b++) {
            for (int m = 0; m < 2; m++) {
                float *values = xcalloc(LONG, sizeof *values);
                float *grads = xcalloc(LONG, sizeof *grads);
                values[PLACES[i]] = BAD[b];
                SgdReport r = step_of(values, grads, (Sgd){.momentum = 0.9 * m}, 0.1);
                assert_false(r.values_finite);
                assert_true(r.grad_norm == 0);
                values[PLACES[i]] = 1;
                grads[PLACES[i]] = BAD[b];
                r = step_of(values, grads, (Sgd){.momentum = 0.9 * m}, 0.1);
                assert_true(isinf(r.grad_norm) || isnan(r.grad_norm));
                free(values);
                free(grads);
            }
        }
    }
}

static void a_value_that_overflows_is_seen(void **state)
{
    (void)state;
    float *values = xcalloc(LONG, sizeof *values), *grads = xcalloc(LONG, sizeof *grads);
    grads[3000] = 1e18f;
    const SgdReport r = step_of(values, grads, (Sgd){0}, 1e30);
    assert_true(r.grad_norm < 1e19);
    assert_false(r.values_finite);
    free(values);
    free(grads);
}

static void a_constant_rate_is_constant(void **state)
{
    (void)state;
    const Schedule constant = {.type = SCHEDULE_CONSTANT};
    for (int64_t step = 0; step < 100; step += 33)
        CHECK_NEAR(schedule_rate(&constant, 0.1, step, 100), 0.1, 0);
    assert_string_equal(SCHEDULE_NAMES[SCHEDULE_CONSTANT], "constant");
}

/* torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8) from 0.1. */
static void a_cosine_falls_to_0(void **state)
{
    (void)state;
    static const double RATES[] = {0.1,          0.0961939766, 0.0853553391,
                                   0.0691341716, 0.05,         0.0308658284,
                                   0.0146446609, 0.0038060234, 0};
    const Schedule cosine = {.type = SCHEDULE_COSINE};
    for (int64_t step = 0; step <= 8; step++)
        CHECK_NEAR(schedule_rate(&cosine, 0.1, step, 8), RATES[step], 1e-10);
    assert_string_equal(SCHEDULE_NAMES[SCHEDULE_COSINE], "cosine");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_equal_pytorchs),
        cmocka_unit_test(plain_sgd_needs_no_momentum),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_constant_rate_is_constant),
        cmocka_unit_test(a_cosine_falls_to_0),
        cmocka_unit_test(the_norm_is_that_of_all_gradients),
        cmocka_unit_test(what_is_no_number_is_seen),
        cmocka_unit_test(a_value_that_overflows_is_seen),
    };
    return RUN_TESTS(tests);
}
