/* tests/core/evaluate/test_figures.c -- figures, mistakes and calibration against naive sums, on
 * predictions with ties, classes without examples, and classes that nobody guesses. */
#include "core/evaluate/figures.h"

#include "core/base/numbers/rng.h"
#include "core/evaluate/calibration.h"
#include "core/evaluate/mistakes.h"
#include "core/train/files/safetensors.h"
#include "tests/check.h"

/* Logits in steps of a half, so that many are equal; labels below `labelled`. */
static Predictions some_predictions(int count, int classes, int labelled, uint64_t seed)
{
    Error err = {0};
    Predictions p;
    Rng rng = rng_new(seed, RNG_TEST, 0);
    CHECK_OK(predictions_new(count, classes, &p, &err), err);
    for (int n = 0; n < count; n++) {
        p.labels[n] = (int32_t)rng_below(&rng, (uint32_t)labelled);
        float *logits = p.logits + (size_t)n * (size_t)classes;
        for (int k = 0; k < classes; k++)
            logits[k] = (float)(int)rng_below(&rng, 12) / 2 - 3;
        if (rng_below(&rng, 2))
            logits[p.labels[n]] += 2;
    }
    return p;
}

static int naive_guess(const Predictions *p, int n)
{
    int guess = 0;
    for (int k = 0; k < p->classes; k++)
        if (prediction_logits(p, n)[k] > prediction_logits(p, n)[guess])
            guess = k;
    return guess;
}

/* softmax(logits / temperature)[k] */
static double naive_p(const Predictions *p, int n, int k, double temperature)
{
    double total = 0;
    for (int j = 0; j < p->classes; j++)
        total += exp((double)prediction_logits(p, n)[j] / temperature);
    return exp((double)prediction_logits(p, n)[k] / temperature) / total;
}

static const struct {
    int count, classes, labelled;
} SIZES[] = {{1, 1, 1}, {1, 3, 3}, {40, 2, 2}, {300, 7, 5}, {200, 40, 40}, {500, 1000, 1000}};

/* The confusion matrix with its zeros: [truth * classes + guess]. Its cells are in this order. */
static int64_t *full_matrix(const Figures *f)
{
    const size_t classes = (size_t)f->classes;
    int64_t *matrix = xcalloc(classes * classes, sizeof *matrix);
    size_t next = 0;
    for (int i = 0; i < f->cell_count; i++) {
        const ConfusionCell *c = &f->cells[i];
        const size_t place = (size_t)c->truth * classes + (size_t)c->guess;
        assert_in_range(c->truth, 0, classes - 1);
        assert_in_range(c->guess, 0, classes - 1);
        assert_true(place >= next);
        matrix[place] = c->count;
        next = place + 1;
    }
    return matrix;
}

static void the_matrix_counts_pairs(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        Error err = {0};
        Predictions p = some_predictions(SIZES[s].count, SIZES[s].classes, SIZES[s].labelled, s);
        Figures f;
        CHECK_OK(figures_measure(&p, &f, &err), err);
        const size_t classes = (size_t)p.classes;
        int64_t *naive = xcalloc(classes * classes, sizeof *naive);
        for (int n = 0; n < p.count; n++)
            naive[(size_t)p.labels[n] * classes + (size_t)naive_guess(&p, n)]++;
        int64_t *matrix = full_matrix(&f);
        for (size_t i = 0; i < classes * classes; i++)
            assert_int_equal(matrix[i], naive[i]);
        free(matrix);
        free(naive);
        figures_free(&f);
        predictions_free(&p);
    }
}

static void classes_and_means_are_as_defined(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        Error err = {0};
        Predictions p = some_predictions(SIZES[s].count, SIZES[s].classes, SIZES[s].labelled, s);
        Figures f;
        CHECK_OK(figures_measure(&p, &f, &err), err);
        MeanFigures macro = {0}, weighted = {0};
        int seen = 0;
        int *guesses = xcalloc((size_t)p.count, sizeof *guesses);
        for (int n = 0; n < p.count; n++)
            guesses[n] = naive_guess(&p, n);
        for (int k = 0; k < p.classes; k++) {
            int hits = 0, guessed = 0, support = 0;
            for (int n = 0; n < p.count; n++) {
                const bool is = p.labels[n] == k, taken = guesses[n] == k;
                hits += is && taken;
                guessed += taken;
                support += is;
            }
            const double precision = guessed ? (double)hits / guessed : 0;
            const double recall = support ? (double)hits / support : 0;
            const double f1 =
                precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
            const ClassFigures *c = &f.per_class[k];
            assert_int_equal(c->support, support);
            assert_int_equal(c->guessed, guessed);
            assert_int_equal(c->hits, hits);
            CHECK_NEAR(c->precision, precision, 1e-15);
            CHECK_NEAR(c->recall, recall, 1e-15);
            CHECK_NEAR(c->f1, f1, 1e-15);
            seen += support > 0 || guessed > 0;
            macro.precision += precision;
            macro.recall += recall;
            macro.f1 += f1;
            weighted.precision += precision * support / p.count;
            weighted.recall += recall * support / p.count;
            weighted.f1 += f1 * support / p.count;
        }
        free(guesses);
        CHECK_NEAR(f.macro.precision, macro.precision / seen, 1e-12);
        CHECK_NEAR(f.macro.recall, macro.recall / seen, 1e-12);
        CHECK_NEAR(f.macro.f1, macro.f1 / seen, 1e-12);
        CHECK_NEAR(f.weighted.precision, weighted.precision, 1e-12);
        CHECK_NEAR(f.weighted.recall, weighted.recall, 1e-12);
        CHECK_NEAR(f.weighted.f1, weighted.f1, 1e-12);
        CHECK_NEAR(f.weighted.recall, f.accuracy, 1e-12);
        figures_free(&f);
        predictions_free(&p);
    }
}

static void accuracy_top5_and_loss_are_means(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        Error err = {0};
        Predictions p = some_predictions(SIZES[s].count, SIZES[s].classes, SIZES[s].labelled, s);
        Figures f;
        CHECK_OK(figures_measure(&p, &f, &err), err);
        int hits = 0, top5 = 0;
        double loss = 0;
        for (int n = 0; n < p.count; n++) {
            const float *z = prediction_logits(&p, n);
            int before = 0;
            for (int k = 0; k < p.classes; k++)
                before += z[k] > z[p.labels[n]] || (z[k] == z[p.labels[n]] && k < p.labels[n]);
            hits += before == 0;
            top5 += before < 5;
            loss -= log(naive_p(&p, n, p.labels[n], 1));
        }
        CHECK_NEAR(f.accuracy, (double)hits / p.count, 1e-15);
        CHECK_NEAR(f.top5_accuracy, (double)top5 / p.count, 1e-15);
        CHECK_NEAR(f.loss, loss / p.count, 1e-12);
        figures_free(&f);
        predictions_free(&p);
    }
}

static void confused_pairs_come_by_count(void **state)
{
    (void)state;
    Error err = {0};
    enum { MOST = 200 };
    Predictions p = some_predictions(400, 9, 9, 3);
    Figures f;
    ConfusionCell pairs[MOST];
    CHECK_OK(figures_measure(&p, &f, &err), err);
    const int count = figures_confused(&f, pairs, MOST);
    int64_t wrong = 0, *matrix = full_matrix(&f);
    for (int i = 0; i < count; i++) {
        assert_int_not_equal(pairs[i].truth, pairs[i].guess);
        assert_int_equal(pairs[i].count, matrix[pairs[i].truth * f.classes + pairs[i].guess]);
        wrong += pairs[i].count;
        if (i == 0)
            continue;
        const ConfusionCell *a = &pairs[i - 1], *b = &pairs[i];
        assert_true(a->count > b->count
                    || (a->count == b->count
                        && (a->truth < b->truth || (a->truth == b->truth && a->guess < b->guess))));
    }
    CHECK_NEAR((double)wrong, 400 * (1 - f.accuracy), 1e-9);
    ConfusionCell first[3];
    assert_int_equal(figures_confused(&f, first, 3), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(first[i].truth * 9 + first[i].guess, pairs[i].truth * 9 + pairs[i].guess);
    free(matrix);
    figures_free(&f);
    predictions_free(&p);
}

static void the_worst_mistakes_come_by_loss(void **state)
{
    (void)state;
    Predictions p = some_predictions(400, 9, 9, 4);
    Mistake all[400], few[5];
    const int count = mistakes_worst(&p, all, 400);
    bool seen[400] = {false};
    int wrong = 0;
    for (int n = 0; n < p.count; n++)
        wrong += naive_guess(&p, n) != p.labels[n];
    assert_int_equal(count, wrong);
    for (int i = 0; i < count; i++) {
        const Mistake *m = &all[i];
        assert_false(seen[m->example]);
        seen[m->example] = true;
        assert_int_equal(m->truth, p.labels[m->example]);
        assert_int_equal(m->guess, naive_guess(&p, m->example));
        assert_int_not_equal(m->truth, m->guess);
        CHECK_NEAR(m->confidence, naive_p(&p, m->example, m->guess, 1), 1e-12);
        CHECK_NEAR(m->truth_share, naive_p(&p, m->example, m->truth, 1), 1e-12);
        CHECK_NEAR(m->loss, -log(m->truth_share), 1e-12);
        assert_true(i == 0 || all[i - 1].loss > m->loss
                    || (all[i - 1].loss == m->loss && all[i - 1].example < m->example));
    }
    assert_int_equal(mistakes_worst(&p, few, 5), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(few[i].example, all[i].example);
    predictions_free(&p);
}

static void bins_hold_what_their_width_says(void **state)
{
    (void)state;
    static const double TEMPERATURES[] = {1, 0.3, 4};
    for (size_t s = 0; s < COUNT(SIZES); s++) {
        Predictions p = some_predictions(SIZES[s].count, SIZES[s].classes, SIZES[s].labelled, s);
        const double temperature = TEMPERATURES[s % COUNT(TEMPERATURES)];
        const Calibration c = calibration_measure(&p, temperature);
        double error = 0, largest = 0, loss = 0;
        for (int b = 0; b < CALIBRATION_BINS; b++) {
            int count = 0, hits = 0;
            double sum = 0;
            for (int n = 0; n < p.count; n++) {
                const double sure = prediction_read(&p, n, temperature).confidence;
                CHECK_NEAR(sure, naive_p(&p, n, naive_guess(&p, n), temperature), 1e-12);
                if (!(sure > (double)b / CALIBRATION_BINS
                      && sure <= (double)(b + 1) / CALIBRATION_BINS))
                    continue;
                count++;
                sum += sure;
                hits += naive_guess(&p, n) == p.labels[n];
            }
            assert_int_equal(c.bins[b].count, count);
            if (count == 0)
                continue;
            CHECK_NEAR(c.bins[b].confidence, sum / count, 1e-12);
            CHECK_NEAR(c.bins[b].accuracy, (double)hits / count, 1e-12);
            const double off = fabs(sum - hits) / count;
            error += off * count / p.count;
            largest = off > largest ? off : largest;
        }
        for (int n = 0; n < p.count; n++)
            loss -= log(naive_p(&p, n, p.labels[n], temperature)) / p.count;
        CHECK_NEAR(c.expected_error, error, 1e-12);
        CHECK_NEAR(c.largest_error, largest, 1e-12);
        CHECK_NEAR(c.loss, loss, 1e-12);
        predictions_free(&p);
    }
}

/* A confidence that is an edge belongs to the bin below it: a third, and certainty. */
static void an_edge_belongs_to_the_bin_below(void **state)
{
    (void)state;
    Error err = {0};
    Predictions p;
    CHECK_OK(predictions_new(3, 3, &p, &err), err);
    p.logits[3] = 1000;
    const Calibration c = calibration_measure(&p, 1);
    for (int b = 0; b < CALIBRATION_BINS; b++)
        assert_int_equal(c.bins[b].count, b == 4 ? 2 : b == CALIBRATION_BINS - 1 ? 1 : 0);
    predictions_free(&p);
}

/* No temperature nearby, and none of a fine grid over all of them, has a smaller loss. */
static void the_temperature_has_the_smallest_loss(void **state)
{
    (void)state;
    static const float SCALES[] = {0.01F, 0.3F, 1, 5, 60};
    for (size_t s = 0; s < COUNT(SCALES); s++) {
        Predictions p = some_predictions(500, 10, 10, 20 + s);
        for (int i = 0; i < 5000; i++)
            p.logits[i] *= SCALES[s];
        const double fitted = temperature_fit(&p), least = calibration_measure(&p, fitted).loss;
        for (double t = TEMPERATURE_MIN; t <= TEMPERATURE_MAX; t *= 1.01)
            assert_true(calibration_measure(&p, t).loss >= least - 1e-12);
        const double slope = calibration_measure(&p, fitted * 1.001).loss
                             - calibration_measure(&p, fitted / 1.001).loss;
        if (fitted > TEMPERATURE_MIN * 1.01 && fitted < TEMPERATURE_MAX / 1.01)
            CHECK_NEAR(slope / least, 0, 1e-8);
        predictions_free(&p);
    }
}

/* Labels drawn from softmax(z / 2) want a temperature of 2. */
static void a_known_temperature_is_found(void **state)
{
    (void)state;
    Error err = {0};
    Predictions p;
    Rng rng = rng_new(9, RNG_TEST, 0);
    CHECK_OK(predictions_new(40000, 5, &p, &err), err);
    for (int n = 0; n < p.count; n++) {
        float *z = p.logits + (size_t)n * 5;
        for (int k = 0; k < 5; k++)
            z[k] = (float)(8 * rng_uniform(&rng) - 4);
        double left = rng_uniform(&rng);
        int label = 0;
        while (label < 4 && (left -= naive_p(&p, n, label, 2)) > 0)
            label++;
        p.labels[n] = label;
    }
    const double fitted = temperature_fit(&p);
    CHECK_NEAR(fitted, 2, 0.05);
    assert_true(calibration_measure(&p, 1).expected_error > 0.1);
    assert_true(calibration_measure(&p, fitted).expected_error < 0.015);
    predictions_free(&p);
}

/* Where more certainty is always better, or always worse, there is a bound, not a search without
 * end. */
static void extremes_have_bounds(void **state)
{
    (void)state;
    Error err = {0};
    Predictions p;
    CHECK_OK(predictions_new(3, 2, &p, &err), err);
    p.labels[1] = 1;
    for (int n = 0; n < 3; n++)
        p.logits[2 * n + p.labels[n]] = 1;
    CHECK_NEAR(temperature_fit(&p), TEMPERATURE_MIN, 1e-12);
    for (int n = 0; n < 3; n++)
        p.labels[n] = 1 - p.labels[n];
    CHECK_NEAR(temperature_fit(&p), TEMPERATURE_MAX, 1e-12);
    memset(p.logits, 0, 6 * sizeof *p.logits);  // all the same: any temperature will do
    assert_true(temperature_fit(&p) >= TEMPERATURE_MIN);
    for (int i = 0; i < 6; i++)
        p.logits[i] = i % 2 ? 3e38F : -3e38F;
    assert_true(isfinite(temperature_fit(&p)));
    p.count = 0;
    CHECK_NEAR(temperature_fit(&p), 1, 0);
    p.count = 3;
    predictions_free(&p);
}

static void numbers_that_are_none_are_refused(void **state)
{
    (void)state;
    Error err = {0};
    Predictions p = some_predictions(5, 3, 3, 1);
    Figures f;
    p.logits[7] = NAN;
    CHECK_REFUSED(figures_measure(&p, &f, &err), err, ERR_NUMERIC,
                  "the network gives NaN for example 2, class 1");
    figures_free(&f);
    p.logits[7] = INFINITY;
    CHECK_REFUSED(figures_measure(&p, &f, &err), err, ERR_NUMERIC,
                  "the network gives infinity for example 2, class 1");
    figures_free(&f);
    predictions_free(&p);
}

/* ---- scikit-learn's and SciPy's: tests/golden/figures.py has written them ---- */

static const SafeTensor *golden(const SafeFile *f, const char *name, size_t count)
{
    const SafeTensor *t = safetensors_find(f, name);
    assert_non_null(t);
    assert_int_equal(safetensors_numbers(t), count);
    return t;
}

static double golden_number(const SafeFile *f, const char *name)
{
    const char *text = safetensors_metadata(f, name);
    assert_non_null(text);
    return strtod(text, NULL);
}

static void check_golden_classes(const SafeFile *f, const Figures *ours)
{
    const size_t classes = (size_t)ours->classes;
    const float *precision = golden(f, "precision", classes)->data,
                *recall = golden(f, "recall", classes)->data, *f1 = golden(f, "f1", classes)->data;
    const int64_t *support = golden(f, "support", classes)->integers,
                  *confusion = golden(f, "confusion", classes * classes)->integers;
    for (int k = 0; k < ours->classes; k++) {
        const ClassFigures *c = &ours->per_class[k];
        CHECK_NEAR(c->precision, (double)precision[k], 1e-7);
        CHECK_NEAR(c->recall, (double)recall[k], 1e-7);
        CHECK_NEAR(c->f1, (double)f1[k], 1e-7);
        assert_int_equal(c->support, support[k]);
    }
    int64_t *matrix = full_matrix(ours);
    for (size_t i = 0; i < classes * classes; i++)
        assert_int_equal(matrix[i], confusion[i]);
    free(matrix);
}

static void figures_are_those_of_scikit_learn(void **state)
{
    (void)state;
    Error err = {0};
    SafeFile *f = NULL;
    Figures ours;
    CHECK_OK(safetensors_open(TESTS_DIR "/golden/figures.safetensors", &f, &err), err);
    const SafeTensor *logits = safetensors_find(f, "logits");
    Predictions p;
    CHECK_OK(predictions_new(logits->dims[0], logits->dims[1], &p, &err), err);
    memcpy(p.logits, logits->data, safetensors_bytes(logits));
    for (int n = 0; n < p.count; n++)
        p.labels[n] = (int32_t)golden(f, "labels", (size_t)p.count)->integers[n];
    CHECK_OK(figures_measure(&p, &ours, &err), err);
    check_golden_classes(f, &ours);
    const struct {
        const char *name;
        double ours, tolerance;
    } numbers[] = {
        {"accuracy", ours.accuracy, 1e-15},
        {"top5_accuracy", ours.top5_accuracy, 1e-15},
        {"loss", ours.loss, 1e-9},
        {"macro_precision", ours.macro.precision, 1e-12},
        {"macro_recall", ours.macro.recall, 1e-12},
        {"macro_f1", ours.macro.f1, 1e-12},
        {"weighted_precision", ours.weighted.precision, 1e-12},
        {"weighted_recall", ours.weighted.recall, 1e-12},
        {"weighted_f1", ours.weighted.f1, 1e-12},
        {"expected_calibration_error", calibration_measure(&p, 1).expected_error, 1e-9},
        {"temperature", temperature_fit(&p), 1e-6},
        {"loss_at_temperature", calibration_measure(&p, temperature_fit(&p)).loss, 1e-9},
    };
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const double want = golden_number(f, numbers[i].name);
        if (!(fabs(numbers[i].ours - want) <= numbers[i].tolerance))
            fail_msg("%s is %.12g, want %.12g", numbers[i].name, numbers[i].ours, want);
    }
    figures_free(&ours);
    predictions_free(&p);
    safetensors_close(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_matrix_counts_pairs),
        cmocka_unit_test(classes_and_means_are_as_defined),
        cmocka_unit_test(accuracy_top5_and_loss_are_means),
        cmocka_unit_test(confused_pairs_come_by_count),
        cmocka_unit_test(the_worst_mistakes_come_by_loss),
        cmocka_unit_test(bins_hold_what_their_width_says),
        cmocka_unit_test(an_edge_belongs_to_the_bin_below),
        cmocka_unit_test(the_temperature_has_the_smallest_loss),
        cmocka_unit_test(a_known_temperature_is_found),
        cmocka_unit_test(extremes_have_bounds),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(figures_are_those_of_scikit_learn),
    };
    return RUN_TESTS(tests);
}
