/* tests/core/train/optim/test_optimizer.c -- three updates against torch.optim.SGD (PyTorch 1.13)
 * and AdamW (2.6), in float32. */
#include "core/train/optim/optimizer.h"

#include <omp.h>

#include "tests/check.h"

enum { N = 4, STEPS = 3 };

/* w starts at {1, -2, 0.5, 0.25}; the gradient of step s, from 1, is {0.5, -1, 0.25 s, 4 - s}. */
static const struct {
    Optimizer optimizer;
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
    {{OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
     {{0.900000036f, -1.89999998f, 0.400000006f, 0.150000006f},
      {0.800000012f, -1.79999995f, 0.303481817f, 0.0529647842f},
      {0.700000048f, -1.69999993f, 0.207681701f, -0.0363972783f}}},
    {{OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.1},
     {{0.890000045f, -1.88f, 0.395000011f, 0.147500008f},
      {0.781100035f, -1.76119995f, 0.294531822f, 0.0489897951f},
      {0.673289061f, -1.64358795f, 0.195786402f, -0.0408621654f}}},
    {{OPTIMIZER_ADAMW, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 0.5, .weight_decay = 0.05},
     {{0.944999993f, -1.92333329f, 0.464166671f, 0.163035721f},
      {0.890275002f, -1.84704995f, 0.418706775f, 0.0813743174f},
      {0.835823596f, -1.77114797f, 0.365777701f, 0.00957143307f}}},
};

static const Optimizer ADAM = {OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

/* A store of `count` numbers that borrows values and gradients, with slots of its own. */
static ParamStore store_of(const Optimizer *o, size_t count, float *values, float *grads)
{
    Error err = {0};
    ParamStore store = {.trained_count = count, .values = values, .grads = grads};
    CHECK_OK(optimizer_need_slots(o, &store, &err), err);
    return store;
}

static void free_slots(ParamStore *store)
{
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
        params_drop_slot(store, slot);
}

static UpdateStep step_at(int64_t step, double rate)
{
    return (UpdateStep){.learning_rate = rate, .step = step, .grad_scale = 1};
}

static void updates_equal_pytorchs(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(CASES); c++) {
        float values[N] = {1, -2, 0.5f, 0.25f}, grads[N];
        ParamStore store = store_of(&CASES[c].optimizer, N, values, grads);
        for (int s = 1; s <= STEPS; s++) {
            const float g[N] = {0.5f, -1, 0.25f * (float)s, 4 - (float)s};
            memcpy(grads, g, sizeof g);
            optimizer_update(&CASES[c].optimizer, step_at(s - 1, 0.1), &store);
            for (int i = 0; i < N; i++)
                CHECK_NEAR(values[i], CASES[c].want[s - 1][i], 1e-6);
        }
        free_slots(&store);
    }
}

static void plain_sgd_needs_no_momentum(void **state)
{
    (void)state;
    float values[] = {1}, grads[] = {2};
    ParamStore store = {.trained_count = 1, .values = values, .grads = grads};
    optimizer_update(&(Optimizer){0}, step_at(0, 0.25), &store);
    CHECK_NEAR(values[0], 0.5, 0);
}

/* Scaled gradients give what gradients give that were smaller from the start. */
static void gradients_are_scaled_before_anything_else(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(CASES); c++) {
        float values[2][N], grads[2][N];
        for (int scaled = 0; scaled < 2; scaled++) {
            ParamStore store = store_of(&CASES[c].optimizer, N, values[scaled], grads[scaled]);
            for (int i = 0; i < N; i++)
                values[scaled][i] = 1 + (float)i;
            for (int s = 0; s < STEPS; s++) {
                UpdateStep step = step_at(s, 0.1);
                step.grad_scale = scaled ? 0.25 : 1;
                for (int i = 0; i < N; i++)
                    grads[scaled][i] = (float)(s + i) * (scaled ? 4 : 1);
                optimizer_update(&CASES[c].optimizer, step, &store);
            }
            free_slots(&store);
        }
        assert_memory_equal(values[0], values[1], sizeof values[0]);
    }
}

/* What is no weight does not decay, if that is asked for; without a gradient nothing else moves. */
static void decay_may_spare_all_but_weights(void **state)
{
    (void)state;
    enum { MANY = 5000, WEIGHTS = 3001 };  // the border is within a chunk
    for (int type = 0; OPTIMIZER_NAMES[type]; type++) {
        for (int only = 0; only < 2; only++) {
            Optimizer o = ADAM;
            o.type = (OptimizerType)type;
            o.weight_decay = 0.5;
            o.weights_only = only;
            float *values = xcalloc(MANY, sizeof *values), *grads = xcalloc(MANY, sizeof *grads);
            for (int i = 0; i < MANY; i++)
                values[i] = 1;
            ParamStore store = store_of(&o, MANY, values, grads);
            store.weight_count = WEIGHTS;
            optimizer_update(&o, step_at(0, 0.5), &store);
            for (int i = 0; i < MANY; i++)
                CHECK_NEAR(values[i], only && i >= WEIGHTS ? 1 : 0.75, 0);
            free_slots(&store);
            free(values);
            free(grads);
        }
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    enum { MANY = 10007 };
    const Optimizer how[] = {{.momentum = 0.9, .weight_decay = 0.01}, ADAM};
    float *values[2], *grads = xcalloc(MANY, sizeof *grads);
    for (int i = 0; i < MANY; i++)
        grads[i] = (float)sin(i);
    for (size_t o = 0; o < COUNT(how); o++) {
        for (int t = 0; t < 2; t++) {
            values[t] = xcalloc(MANY, sizeof *grads);
            ParamStore store = store_of(&how[o], MANY, values[t], grads);
            omp_set_num_threads(1 + 2 * t);
            for (int s = 0; s < 5; s++)
                optimizer_update(&how[o], step_at(s, 0.1), &store);
            free_slots(&store);
        }
        assert_memory_equal(values[0], values[1], MANY * sizeof *grads);
        free(values[0]);
        free(values[1]);
    }
    free(grads);
}

enum { LONG = 5000 };  // more than two chunks, and a rest

/* Each way through the arrays. */
static const Optimizer WAYS[] = {
    {0}, {.momentum = 0.9}, {OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}};

static UpdateReport report_of(const Optimizer *o, float *values, float *grads, double rate)
{
    ParamStore store = store_of(o, LONG, values, grads);
    const UpdateReport report = optimizer_update(o, step_at(0, rate), &store);
    free_slots(&store);
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
    for (size_t w = 0; w < COUNT(WAYS); w++) {
        const UpdateReport r = report_of(&WAYS[w], values, grads, 0.1);
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
            for (size_t w = 0; w < COUNT(WAYS); w++) {
                float *values = xcalloc(LONG, sizeof *values);
                float *grads = xcalloc(LONG, sizeof *grads);
                values[PLACES[i]] = BAD[b];
                UpdateReport r = report_of(&WAYS[w], values, grads, 0.1);
                assert_false(r.values_finite);
                assert_true(r.grad_norm == 0);
                values[PLACES[i]] = 1;
                grads[PLACES[i]] = BAD[b];
                r = report_of(&WAYS[w], values, grads, 0.1);
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
    const UpdateReport r = report_of(&WAYS[0], values, grads, 1e30);
    assert_true(r.grad_norm < 1e19);
    assert_false(r.values_finite);
    free(values);
    free(grads);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_equal_pytorchs),
        cmocka_unit_test(plain_sgd_needs_no_momentum),
        cmocka_unit_test(gradients_are_scaled_before_anything_else),
        cmocka_unit_test(decay_may_spare_all_but_weights),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(the_norm_is_that_of_all_gradients),
        cmocka_unit_test(what_is_no_number_is_seen),
        cmocka_unit_test(a_value_that_overflows_is_seen),
    };
    return RUN_TESTS(tests);
}
