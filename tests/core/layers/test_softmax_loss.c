/* tests/core/layers/test_softmax_loss.c */
#include "core/layers/softmax_loss.h"

#include "core/base/rng.h"
#include "tests/check.h"

static void equal_logits_cost_log_of_the_classes(void **state)
{
    (void)state;
    const float logits[20] = {0};
    const int32_t labels[] = {0, 6};
    float diff[20];
    Metrics sum = {0};
    softmax_loss(&(SoftmaxLoss){.classes = 10, .scale = 0.5}, logits, labels, 2, diff, &sum);
    CHECK_NEAR(metrics_loss(&sum), log(10), 1e-12);
    CHECK_NEAR(diff[0], 0.5 * (0.1 - 1), 1e-7);
    CHECK_NEAR(diff[1], 0.5 * 0.1, 1e-7);
    // Equal logits come in the order of the classes: 0 is the first, 6 the seventh.
    assert_int_equal(sum.top1, 1);
    assert_int_equal(sum.top5, 1);
    assert_int_equal(sum.count, 2);
}

static void large_logits_do_not_overflow(void **state)
{
    (void)state;
    const float logits[] = {1000, 0, -1000, 999};
    const int32_t label = 3;
    float diff[4];
    Metrics sum = {0};
    softmax_loss(&(SoftmaxLoss){.classes = 4, .scale = 1}, logits, &label, 1, diff, &sum);
    CHECK_NEAR(sum.loss, log(1 + exp(1)), 1e-9);
    CHECK_NEAR(diff[0] + diff[1] + diff[2] + diff[3], 0, 1e-6);
}

/* The formula of the header, written out. */
static double naive_loss(const float *logits, int classes, int label, double smoothing)
{
    double total = 0, loss = 0;
    for (int k = 0; k < classes; k++)
        total += exp(logits[k]);
    for (int k = 0; k < classes; k++) {
        const double q = smoothing / classes + (k == label ? 1 - smoothing : 0);
        loss -= q * log(exp(logits[k]) / total);
    }
    return loss;
}

static void loss_and_gradient_follow_the_formula(void **state)
{
    (void)state;
    enum { CLASSES = 7, COUNT_ = 5 };
    Rng rng = rng_new(9, RNG_TEST, 0);
    for (double smoothing = 0; smoothing < 0.5; smoothing += 0.2) {
        float logits[CLASSES * COUNT_], diff[CLASSES * COUNT_];
        int32_t labels[COUNT_];
        double want = 0;
        for (int i = 0; i < CLASSES * COUNT_; i++)
            logits[i] = (float)(4 * rng_uniform(&rng) - 2);
        for (int n = 0; n < COUNT_; n++) {
            labels[n] = (int32_t)rng_below(&rng, CLASSES);
            want += naive_loss(logits + n * CLASSES, CLASSES, labels[n], smoothing);
        }
        const SoftmaxLoss how = {.classes = CLASSES, .smoothing = smoothing, .scale = 1};
        Metrics sum = {0};
        softmax_loss(&how, logits, labels, COUNT_, diff, &sum);
        CHECK_NEAR(sum.loss, want, 1e-9);
        for (int i = 0; i < CLASSES * COUNT_; i++) {
            const int n = i / CLASSES;
            const float before = logits[i];
            logits[i] = before + 1e-3f;
            const double high = naive_loss(logits + n * CLASSES, CLASSES, labels[n], smoothing);
            logits[i] = before - 1e-3f;
            const double low = naive_loss(logits + n * CLASSES, CLASSES, labels[n], smoothing);
            logits[i] = before;
            CHECK_NEAR(diff[i], (high - low) / 2e-3, 1e-4);
        }
    }
}

/* The loss on two labels, each with its share, and the gradient of that. */
static void mixed_examples_pay_for_both_labels(void **state)
{
    (void)state;
    enum { CLASSES = 6, COUNT_ = 4 };
    static const int32_t labels[COUNT_] = {0, 1, 2, 3}, mixed[COUNT_] = {5, 1, 0, 2};
    const double share = 0.7;
    Rng rng = rng_new(3, RNG_TEST, 0);
    float logits[CLASSES * COUNT_], diff[CLASSES * COUNT_], diffs[2][CLASSES * COUNT_];
    for (int i = 0; i < CLASSES * COUNT_; i++)
        logits[i] = (float)(4 * rng_uniform(&rng) - 2);
    for (double smoothing = 0; smoothing < 0.3; smoothing += 0.1) {
        SoftmaxLoss how = {.classes = CLASSES, .smoothing = smoothing, .scale = 0.5};
        Metrics sum = {0}, sums[2] = {{0}};
        softmax_loss(&how, logits, labels, COUNT_, diffs[0], &sums[0]);
        softmax_loss(&how, logits, mixed, COUNT_, diffs[1], &sums[1]);
        how.mixed_labels = mixed;
        how.share = share;
        softmax_loss(&how, logits, labels, COUNT_, diff, &sum);
        CHECK_NEAR(sum.loss, share * sums[0].loss + (1 - share) * sums[1].loss, 1e-9);
        for (int i = 0; i < CLASSES * COUNT_; i++)
            CHECK_NEAR(diff[i], share * diffs[0][i] + (1 - share) * diffs[1][i], 1e-6);
        assert_int_equal(sum.top1, sums[0].top1);
        assert_int_equal(sum.top5, sums[0].top5);
    }
}

static void hits_are_counted_by_rank(void **state)
{
    (void)state;
    const float logits[] = {6, 5, 4, 3, 2, 1, 0};
    for (int32_t label = 0; label < 7; label++) {
        Metrics sum = {0};
        softmax_loss(&(SoftmaxLoss){.classes = 7}, logits, &label, 1, NULL, &sum);
        assert_int_equal(sum.top1, label == 0);
        assert_int_equal(sum.top5, label < 5);
    }
}

static void a_nan_is_no_hit(void **state)
{
    (void)state;
    const float logits[] = {NAN, NAN, NAN};
    const int32_t label = 0;
    Metrics sum = {0};
    softmax_loss(&(SoftmaxLoss){.classes = 3}, logits, &label, 1, NULL, &sum);
    assert_true(isnan(sum.loss));
    assert_int_equal(sum.top1, 0);
    assert_int_equal(sum.top5, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_logits_cost_log_of_the_classes),
        cmocka_unit_test(large_logits_do_not_overflow),
        cmocka_unit_test(loss_and_gradient_follow_the_formula),
        cmocka_unit_test(mixed_examples_pay_for_both_labels),
        cmocka_unit_test(hits_are_counted_by_rank),
        cmocka_unit_test(a_nan_is_no_hit),
    };
    return RUN_TESTS(tests);
}
