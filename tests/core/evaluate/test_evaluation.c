/* tests/core/evaluate/test_evaluation.c -- a model file set against a data set gives the figures
 * that its training has told. */
#include "core/evaluate/evaluation.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/data/holdout.h"
#include "core/evaluate/figures.h"
#include "core/train/files/model_file.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

/* A training to its end; its model in the fixture's folder. */
static TrainEvent trained(const TrainerFixture *f, TrainConfig c, char model[128])
{
    Error err = {0};
    Seen seen = {0};
    Trainer *t = trainer_of(c);
    CHECK_OK(trainer_run(t, watch, &seen, &err), err);
    const ModelInfo info = trainer_model_info(t);
    snprintf(model, 128, "%s/model.safetensors", f->folder);
    CHECK_OK(model_save(model, trainer_params(t), &info, &err), err);
    trainer_free(t);
    return seen.end;
}

static EvaluationConfig config_of(const TrainerFixture *f, const ModelFile *m)
{
    return (EvaluationConfig){.graph = m->graph,
                              .params = m->params,
                              .normalization = m->info.normalization,
                              .dataset = f->dataset,
                              .split = &f->dataset->test,
                              .limit = 50,
                              .batch_size = 16,
                              .bf16 = m->info.precision == PRECISION_BF16};
}

/* Bit by bit: the same kernels on the same examples, in the same order. */
static void check_equal(const EvaluationConfig *c, double loss, double accuracy)
{
    Error err = {0};
    Evaluation e;
    Figures figures;
    CHECK_OK(evaluation_run(c, &e, &err), err);
    CHECK_NEAR(metrics_loss(&e.sum), loss, 0);
    CHECK_NEAR(metrics_accuracy(&e.sum), accuracy, 0);
    CHECK_OK(figures_measure(&e.predictions, &figures, &err), err);
    CHECK_NEAR(figures.loss, loss, 0);
    CHECK_NEAR(figures.accuracy, accuracy, 0);
    CHECK_NEAR(figures.top5_accuracy, metrics_top5_accuracy(&e.sum), 0);
    figures_free(&figures);
    evaluation_free(&e);
}

static void figures_are_those_of_the_training(void **state)
{
    const TrainerFixture *f = *state;
    const Normalization given = {1, {0.28}, {0.35}};
    const struct {
        const char *model;
        int image_size;
        NormalizationType normalization;
        double ema, validation_split;
    } cases[] = {
        {"googlenet_tiny", 28, NORMALIZATION_NONE, 0, 0},
        {"googlenet_tiny", 32, NORMALIZATION_GIVEN, 0.9, 0},
        {"googlenet_bn", 32, NORMALIZATION_MEASURED, 0, 0.25},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
            Error err = {0};
            ModelFile m;
            char model[128];
            TrainConfig c = small_training(f);
            c.epochs = 1;
            c.model = models_find(cases[i].model);
            c.image_size = cases[i].image_size;
            c.normalization_type = cases[i].normalization;
            c.normalization = given;
            c.ema = (Averaging){.decay = cases[i].ema};
            c.validation_split = cases[i].validation_split;
            c.precision = bf16 ? PRECISION_BF16 : PRECISION_F32;
            const TrainEvent end = trained(f, c, model);
            CHECK_OK(model_file_open(model, &(ModelHints){0}, &m, &err), err);
            EvaluationConfig how = config_of(f, &m);
            check_equal(&how, end.test_loss, end.test_accuracy);
            if (c.validation_split > 0) {
                Holdout held;
                CHECK_OK(holdout_new(&f->dataset->train, c.train_limit, f->dataset->classes,
                                     c.validation_split, c.seed, &held, &err),
                         err);
                how.split = &f->dataset->train;
                how.examples = held.validation;
                how.example_count = held.validation_count;
                check_equal(&how, end.validation_loss, end.validation_accuracy);
                holdout_free(&held);
            }
            model_file_close(&m);
        }
    }
}

/* Logits stand at the places of their examples, whatever the batch; labels too. */
static void predictions_are_in_the_order_of_the_examples(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    ModelFile m;
    char model[128];
    TrainConfig c = small_training(f);
    c.epochs = 1;
    c.precision = PRECISION_F32;
    trained(f, c, model);
    CHECK_OK(model_file_open(model, &(ModelHints){0}, &m, &err), err);
    EvaluationConfig how = config_of(f, &m);
    Evaluation whole, some;
    CHECK_OK(evaluation_run(&how, &whole, &err), err);
    assert_int_equal(whole.predictions.count, 50);
    assert_int_equal(whole.predictions.classes, 10);
    static const int32_t SOME[] = {31, 2, 49, 7};
    how.examples = SOME;
    how.example_count = COUNT(SOME);
    how.batch_size = 3;
    CHECK_OK(evaluation_run(&how, &some, &err), err);
    assert_int_equal(some.predictions.count, COUNT(SOME));
    for (size_t i = 0; i < COUNT(SOME); i++) {
        assert_int_equal(some.predictions.labels[i], f->dataset->test.labels[SOME[i]]);
        assert_int_equal(whole.predictions.labels[SOME[i]], some.predictions.labels[i]);
        for (int k = 0; k < 10; k++)
            CHECK_NEAR((double)prediction_logits(&some.predictions, (int)i)[k],
                       (double)prediction_logits(&whole.predictions, SOME[i])[k], 1e-4);
    }
    evaluation_free(&whole);
    evaluation_free(&some);
    model_file_close(&m);
}

/* The first `count` pictures of a split, each left for right; .pixels is to be freed. */
static Split mirrored(const Dataset *set, int count)
{
    const size_t width = (size_t)set->image.width, size = shape_count(set->image);
    uint8_t *pixels = xcalloc((size_t)count, size);
    assert_int_equal(set->image.channels, 1);
    for (size_t i = 0; i < (size_t)count * size; i++)
        pixels[i] = set->test.pixels[i - i % width + (width - 1 - i % width)];
    Split split = set->test;
    split.pixels = pixels;
    split.count = count;
    return split;
}

static void count_examples(void *last, int examples)
{
    *(int *)last = examples;
}

/* Bit by bit the means of the logits of both sets of pictures, evaluated one after the other; and
 * the figures are those of the means. */
static void check_flips(EvaluationConfig how, const Dataset *set)
{
    Error err = {0};
    Evaluation plain, mirror, both;
    int done = 0, other_guesses = 0;
    CHECK_OK(evaluation_run(&how, &plain, &err), err);
    Split split = mirrored(set, how.limit);
    how.split = &split;
    CHECK_OK(evaluation_run(&how, &mirror, &err), err);
    how.split = &set->test;
    how.test_time_flips = true;
    how.progress = count_examples;
    how.context = &done;
    CHECK_OK(evaluation_run(&how, &both, &err), err);
    assert_int_equal(done, how.limit);
    assert_int_equal(both.predictions.count, how.limit);
    for (int n = 0; n < how.limit; n++) {
        assert_int_equal(both.predictions.labels[n], set->test.labels[n]);
        for (int k = 0; k < 10; k++) {
            const float a = prediction_logits(&plain.predictions, n)[k];
            const float b = prediction_logits(&mirror.predictions, n)[k];
            CHECK_NEAR((double)prediction_logits(&both.predictions, n)[k], (double)((a + b) / 2),
                       0);
        }
        other_guesses += prediction_read(&both.predictions, n, 1).guess
                         != prediction_read(&plain.predictions, n, 1).guess;
    }
    assert_true(other_guesses > 0);
    assert_true(metrics_loss(&both.sum) != metrics_loss(&plain.sum));
    check_equal(&how, metrics_loss(&both.sum), metrics_accuracy(&both.sum));
    evaluation_free(&plain);
    evaluation_free(&mirror);
    evaluation_free(&both);
    free((void *)(uintptr_t)split.pixels);
}

static void with_flips_a_picture_and_its_mirror_image_are_averaged(void **state)
{
    const TrainerFixture *f = *state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        Error err = {0};
        ModelFile m;
        char model[128];
        TrainConfig c = small_training(f);
        c.normalization_type = NORMALIZATION_MEASURED;
        c.precision = bf16 ? PRECISION_BF16 : PRECISION_F32;
        c.epochs = 8;  // guesses are to differ from picture to picture
        trained(f, c, model);
        CHECK_OK(model_file_open(model, &(ModelHints){0}, &m, &err), err);
        EvaluationConfig how = config_of(f, &m);
        how.limit = 200;
        check_flips(how, f->dataset);
        model_file_close(&m);
    }
}

static bool never(void *asked)
{
    ++*(int *)asked;
    return false;
}

static void a_set_that_does_not_fit_is_refused(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    Evaluation e;
    ModelFile m = {.model = models_find("googlenet_tiny")};
    m.graph = model_graph(m.model, (Shape){3, 28, 28}, 10, &err);
    CHECK_OK(params_new(m.graph, &m.params, &err), err);
    EvaluationConfig how = config_of(f, &m);
    CHECK_REFUSED(evaluation_run(&how, &e, &err), err, ERR_INVALID,
                  "the network takes images of 3 channels, the data set has 1");
    evaluation_free(&e);
    model_file_close(&m);
    m.model = models_find("googlenet_tiny");
    m.graph = model_graph(m.model, (Shape){1, 28, 28}, 9, &err);
    CHECK_OK(params_new(m.graph, &m.params, &err), err);
    how = config_of(f, &m);
    CHECK_REFUSED(evaluation_run(&how, &e, &err), err, ERR_INVALID,
                  "the network tells 9 classes apart, the data set has 10");
    evaluation_free(&e);
    model_file_close(&m);
}

static void it_stops_when_asked(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    Evaluation e;
    int asked = 0;
    ModelFile m = {.model = models_find("googlenet_tiny")};
    m.graph = model_graph(m.model, (Shape){1, 28, 28}, 10, &err);
    CHECK_OK(params_new(m.graph, &m.params, &err), err);
    EvaluationConfig how = config_of(f, &m);
    how.go_on = never;
    how.context = &asked;
    assert_false(evaluation_run(&how, &e, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    assert_int_equal(asked, 1);
    evaluation_free(&e);
    model_file_close(&m);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, trainer_setup, trainer_teardown)
    const struct CMUnitTest tests[] = {
        CASE(figures_are_those_of_the_training),
        CASE(predictions_are_in_the_order_of_the_examples),
        CASE(with_flips_a_picture_and_its_mirror_image_are_averaged),
        CASE(a_set_that_does_not_fit_is_refused),
        CASE(it_stops_when_asked),
    };
#undef CASE
    return RUN_TESTS(tests);
}
