/* tests/core/train/test_init.c -- initial weights: bounds, spread, and whom they depend on. */
#include "core/train/init.h"

#include "core/layers/batch_norm.h"
#include "core/layers/conv/conv.h"
#include "core/layers/linear.h"
#include "tests/check.h"

/* Two convolutions and a linear layer. */
static ParamStore *store_new(int first_out)
{
    Error err = {0};
    ParamStore *store = NULL;
    Graph *g = graph_new((Shape){16, 8, 8});
    Node x = conv(g, graph_input(g), "a", (Conv){.out = first_out, .kernel = 3, .pad = 1});
    x = conv(g, x, "b", (Conv){.out = 64, .kernel = 5, .pad = 2});
    linear(g, x, "c", (Linear){.out = 10});
    CHECK_OK(params_new(g, &store, &err), err);
    graph_free(g);
    return store;
}

/* Mean and variance of a parameter's numbers, and the largest magnitude. */
static void moments(const ParamStore *s, const char *name, double *mean, double *variance,
                    double *largest)
{
    const Param *p = params_find(s, name);
    assert_non_null(p);
    *mean = *variance = *largest = 0;
    for (size_t i = 0; i < p->count; i++) {
        const double x = s->values[p->offset + i];
        *mean += x / (double)p->count;
        *variance += x * x / (double)p->count;
        *largest = fmax(*largest, fabs(x));
    }
}

static void check_uniform(const ParamStore *s, const char *name, double bound)
{
    double mean, variance, largest;
    moments(s, name, &mean, &variance, &largest);
    assert_true(largest <= bound && largest > 0.8 * bound);
    const double count = (double)params_find(s, name)->count;
    CHECK_NEAR(mean, 0, 4 * bound / sqrt(3 * count));
    if (count > 1000)
        CHECK_NEAR(variance / (bound * bound / 3), 1, 0.1);
}

static void xavier_and_the_biases_have_pytorchs_bounds(void **state)
{
    (void)state;
    ParamStore *s = store_new(32);
    init_params(s, init_rule(WEIGHTS_XAVIER_UNIFORM), 1);
    check_uniform(s, "a.weight", sqrt(6.0 / (16 * 9 + 32 * 9)));
    check_uniform(s, "b.weight", sqrt(6.0 / (32 * 25 + 64 * 25)));
    check_uniform(s, "c.weight", sqrt(6.0 / (64 * 64 + 10)));
    check_uniform(s, "a.bias", 1 / sqrt(16 * 9));
    check_uniform(s, "b.bias", 1 / sqrt(32 * 25));
    check_uniform(s, "c.bias", 1 / sqrt(64 * 64));
    params_free(s);
}

static double variance_of(Initializer weights, const char *name)
{
    ParamStore *s = store_new(32);
    double mean, variance, largest;
    init_params(s, weights, 1);
    moments(s, name, &mean, &variance, &largest);
    CHECK_NEAR(mean, 0, 4 * sqrt(variance / (double)params_find(s, name)->count));
    params_free(s);
    return variance;
}

static void normal_weights_have_their_variance(void **state)
{
    (void)state;
    const Initializer kaiming = init_rule(WEIGHTS_KAIMING_NORMAL_FAN_OUT);
    CHECK_NEAR(variance_of(kaiming, "a.weight") / (2.0 / (32 * 9)), 1, 0.1);
    CHECK_NEAR(variance_of(kaiming, "b.weight") / (2.0 / (64 * 25)), 1, 0.05);
    CHECK_NEAR(variance_of(init_rule(WEIGHTS_NORMAL_TENTH), "b.weight"), 0.01, 5e-4);
    CHECK_NEAR(variance_of(init_rule(WEIGHTS_NORMAL_TENTH), "c.weight"), 0.01, 5e-4);
    CHECK_NEAR(variance_of(init_rule(WEIGHTS_NORMAL_HUNDREDTH), "b.weight"), 1e-4, 5e-6);
}

static void kaiming_leaves_linear_layers_and_biases_as_pytorch_makes_them(void **state)
{
    (void)state;
    ParamStore *s = store_new(32);
    init_params(s, init_rule(WEIGHTS_KAIMING_NORMAL_FAN_OUT), 1);
    check_uniform(s, "c.weight", 1 / sqrt(64 * 64));
    check_uniform(s, "b.bias", 1 / sqrt(32 * 25));
    params_free(s);
}

static void numbers_depend_on_seed_and_place_alone(void **state)
{
    (void)state;
    ParamStore *s = store_new(32), *again = store_new(32), *other = store_new(8);
    init_params(s, init_xavier_uniform, 1);
    init_params(again, init_xavier_uniform, 1);
    init_params(other, init_xavier_uniform, 1);
    assert_memory_equal(s->values, again->values, s->count * sizeof(float));
    // A change of the first layer leaves the last one's draws as they were.
    const Param *c = params_find(s, "c.weight"), *oc = params_find(other, "c.weight");
    assert_memory_equal(s->values + c->offset, other->values + oc->offset,
                        c->count * sizeof(float));
    init_params(again, init_xavier_uniform, 2);
    assert_memory_not_equal(s->values, again->values, s->count * sizeof(float));
    params_free(s);
    params_free(again);
    params_free(other);
}

/* The numbers of two parameters, each by its bound, are not the same ones. */
static void parameters_draw_numbers_of_their_own(void **state)
{
    (void)state;
    ParamStore *s = store_new(32);
    init_params(s, init_xavier_uniform, 1);
    const float *a = s->values + params_find(s, "a.weight")->offset;
    const float *b = s->values + params_find(s, "b.weight")->offset;
    const double a_bound = sqrt(6.0 / (16 * 9 + 32 * 9)), b_bound = sqrt(6.0 / (32 * 25 + 64 * 25));
    int equal = 0;
    for (int i = 0; i < 100; i++)
        equal += fabs(a[i] / a_bound - b[i] / b_bound) < 1e-5;
    assert_in_range(equal, 0, 1);
    params_free(s);
}

/* As PyTorch's: the identity, and statistics of a batch that has mean 0 and variance 1. */
static void a_batch_norm_starts_as_the_identity(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        float value;
    } WANT[] = {{"n.weight", 1}, {"n.bias", 0}, {"n.running_mean", 0}, {"n.running_var", 1}};
    Error err = {0};
    ParamStore *s = NULL;
    Graph *g = graph_new((Shape){16, 8, 8});
    batch_norm(g, graph_input(g), "n", (BatchNorm){.eps = 1e-3});
    CHECK_OK(params_new(g, &s, &err), err);
    graph_free(g);
    for (size_t i = 0; i < s->count; i++)
        s->values[i] = 7;
    s->counters[0] = 7;
    init_params(s, init_xavier_uniform, 1);
    for (size_t n = 0; n < COUNT(WANT); n++) {
        const Param *p = params_find(s, WANT[n].name);
        for (size_t i = 0; i < p->count; i++)
            assert_true(s->values[p->offset + i] == WANT[n].value);
    }
    assert_int_equal(s->counters[0], 0);
    params_free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xavier_and_the_biases_have_pytorchs_bounds),
        cmocka_unit_test(normal_weights_have_their_variance),
        cmocka_unit_test(kaiming_leaves_linear_layers_and_biases_as_pytorch_makes_them),
        cmocka_unit_test(numbers_depend_on_seed_and_place_alone),
        cmocka_unit_test(parameters_draw_numbers_of_their_own),
        cmocka_unit_test(a_batch_norm_starts_as_the_identity),
    };
    return RUN_TESTS(tests);
}
