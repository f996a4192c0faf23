/* tests/core/layers/test_softmax_loss.c */
#include "core/layers/softmax_loss.h"

#include <omp.h>

#include "core/base/numbers/rng.h"
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

/* What PyTorch 2.6 gives in float64 for CrossEntropyLoss(weight=w, label_smoothing=s) on the
 * labels, and for share times that plus (1 - share) times the same on the mixed labels. */
static void weighted_losses_are_those_of_pytorch(void **state)
{
    (void)state;
    enum { CLASSES = 4, COUNT_ = 3 };
    static const float LOGITS[] = {0.5, -1, 2, 0, 1.5, 0.25, -0.75, 0, -2, 1, 0.5, 3};
    static const int32_t LABELS[] = {2, 0, 1}, MIXED[][COUNT_] = {{0, 1, 2}, {3, 3, 1}};
    static const double WEIGHTS[] = {0.5, 2, 4, 0.25};
    static const struct {
        double smoothing, share;
        int mixed;  // index
        double loss, diff[CLASSES * COUNT_];
    } CASES[] = {
        {0,
         1,
         0,
         0.9251666593342883,
         {0.0975044366, 0.0217561806, -0.1784000475, 0.0591394303, -0.0292936968, 0.0136460459,
          0.0050200997, 0.0106275512, 0.0016935837, -0.2736757691, 0.0206320736, 0.2513501118}},
        {0.1,
         1,
         0,
         0.9962527790668513,
         {0.0899443845, 0.0128060937, -0.1575093716, 0.0547588935, -0.0122124883, 0.0091946741,
          -0.009172242, 0.0121900562, -0.0002559554, -0.2511303545, 0.004925082, 0.2464612278}},
        {0.1,
         0.7,
         0,
         1.377381353774532,
         {0.0461397305, 0.007666196, -0.0945931297, 0.0407872031, 0.0471365404, -0.0628289518,
          -0.0051059612, 0.0207983726, 0.0002013122, -0.158868966, -0.1556581042, 0.314325758}},
        // The labels that are mixed in are others.
        {0.1,
         0.7,
         1,
         1.4173599168702984,
         {0.0689475816, 0.0046347323, -0.0887043388, 0.0151220248, 0.0192076049, 0.0088183555,
          -0.0153369731, -0.0126889874, -0.000378814, -0.3716729246, 0.0072891214, 0.3647626172}},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const int32_t *mixed = MIXED[CASES[i].mixed];
        const SoftmaxLoss how = {.classes = CLASSES,
                                 .smoothing = CASES[i].smoothing,
                                 .scale = 1.0 / COUNT_,
                                 .mixed_labels = CASES[i].share < 1 ? mixed : NULL,
                                 .share = CASES[i].share,
                                 .class_weights = WEIGHTS,
                                 .weight_scale = softmax_weight_scale(WEIGHTS, LABELS, COUNT_),
                                 .mixed_scale = softmax_weight_scale(WEIGHTS, mixed, COUNT_)};
        float diff[CLASSES * COUNT_];
        Metrics sum = {0};
        softmax_loss(&how, LOGITS, LABELS, COUNT_, diff, &sum);
        CHECK_NEAR(sum.loss / COUNT_, CASES[i].loss, 1e-9);
        for (int k = 0; k < CLASSES * COUNT_; k++)
            CHECK_NEAR(diff[k], CASES[i].diff[k], 1e-7);
    }
}

/* Many classes, many examples, by any number of threads: the same bits; one class costs nothing. */
static void any_number_of_classes(void **state)
{
    (void)state;
    enum { CLASSES = 65535, COUNT_ = 70 };
    float *logits = xcalloc((size_t)CLASSES * COUNT_, sizeof *logits);
    float *diff[2] = {xcalloc((size_t)CLASSES * COUNT_, sizeof *logits),
                      xcalloc((size_t)CLASSES * COUNT_, sizeof *logits)};
    int32_t labels[COUNT_];
    Metrics sum[2] = {{0}};
    Rng rng = rng_new(11, RNG_TEST, 0);
    for (size_t i = 0; i < (size_t)CLASSES * COUNT_; i++)
        logits[i] = (float)rng_uniform(&rng);
    for (int n = 0; n < COUNT_; n++)
        labels[n] = n % 2 ? CLASSES - 1 : n;
    for (int n = 0; n < COUNT_; n += 2)
        logits[(size_t)n * CLASSES + (size_t)labels[n]] = 2;
    const SoftmaxLoss how = {.classes = CLASSES, .smoothing = 0.1, .scale = 1.0 / COUNT_};
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(1 + 2 * i);
        softmax_loss(&how, logits, labels, COUNT_, diff[i], &sum[i]);
    }
    omp_set_num_threads(2);
    assert_memory_equal(&sum[0], &sum[1], sizeof sum[0]);
    assert_memory_equal(diff[0], diff[1], (size_t)CLASSES * COUNT_ * sizeof(float));
    assert_int_equal(sum[0].count, COUNT_);
    assert_int_equal(sum[0].top1, COUNT_ / 2);
    for (int n = 0; n < COUNT_; n += 7) {
        double total = 0;
        for (int k = 0; k < CLASSES; k++)
            total += diff[0][(size_t)n * CLASSES + (size_t)k];
        CHECK_NEAR(total, 0, 1e-6);
    }
    free(logits);
    free(diff[0]);
    free(diff[1]);
    const int32_t label = 0;
    const float one = 3;
    float grad = 1;
    Metrics alone = {0};
    softmax_loss(&(SoftmaxLoss){.classes = 1, .smoothing = 0.1, .scale = 1}, &one, &label, 1, &grad,
                 &alone);
    CHECK_NEAR(alone.loss, 0, 1e-12);
    assert_true(grad == 0);
    assert_int_equal(alone.top1, 1);
    assert_int_equal(alone.top5, 1);
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
        cmocka_unit_test(weighted_losses_are_those_of_pytorch),
        cmocka_unit_test(any_number_of_classes),
        cmocka_unit_test(hits_are_counted_by_rank),
        cmocka_unit_test(a_nan_is_no_hit),
    };
    return RUN_TESTS(tests);
}
