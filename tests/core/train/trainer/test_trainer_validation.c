/* tests/core/train/trainer/test_trainer_validation.c -- examples that are held out choose; the test
 * split is evaluated at the end, and nothing goes by it. */
#include "core/data/holdout.h"
#include "core/data/loader/loader.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

enum { MOST_EPOCHS = 16 };

/* What the epochs reported, beside what trainer_fixture.h watches. */
typedef struct {
    Seen seen;
    TrainEvent epochs[MOST_EPOCHS];
    int count;
} Epochs;

static TrainAnswer watch_epochs(void *context, const TrainEvent *e)
{
    Epochs *w = context;
    if (e->type == TRAIN_EPOCH)
        w->epochs[w->count++] = *e;
    return watch(&w->seen, e);
}

static Trainer *run(TrainConfig c, Epochs *w)
{
    Error err = {0};
    Trainer *t = trainer_of(c);
    CHECK_OK(trainer_run(t, watch_epochs, w, &err), err);
    return t;
}

static TrainConfig held_out(const TrainerFixture *f)
{
    TrainConfig c = small_training(f);
    c.epochs = 3;
    c.validation_split = 0.25;
    return c;
}

/* Figures of the weights as they are on some examples, by a net of the test's own. */
static Metrics figures(const TrainConfig *c, const ParamStore *params, const Split *split,
                       const int32_t *examples, int count)
{
    Error err = {0};
    Metrics sum = {0};
    Net *net = NULL;
    Loader *l = NULL;
    Graph *g = model_graph(c->model, (Shape){1, c->image_size, c->image_size}, 10, &err);
    const NetConfig config = {.batch_size = c->batch_size,
                              .bf16 = precision_resolve(c->precision) == PRECISION_BF16};
    CHECK_OK(net_new(g, (ParamStore *)params, config, &net, &err), err);
    const LoaderConfig how = {.batch_size = c->batch_size,
                              .image_size = c->image_size,
                              .examples = examples,
                              .example_count = count,
                              .limit = count};
    CHECK_OK(loader_new(c->dataset, split, how, &l, &err), err);
    for (bool last = false; !last;) {
        const Batch *b = loader_next(l);
        const NetBatch batch = {.images = b->images, .labels = b->labels, .count = b->count};
        CHECK_OK(net_evaluate_batch(net, &batch, &sum, &err), err);
        last = b->last;
    }
    loader_free(l);
    net_free(net);
    graph_free(g);
    return sum;
}

static void held_out_examples_are_evaluated_and_not_trained(void **state)
{
    const TrainerFixture *f = *state;
    const TrainConfig c = held_out(f);
    Error err = {0};
    Epochs w = {0};
    Holdout h;
    const Split *train = &f->dataset->train;
    CHECK_OK(holdout_new(train, c.train_limit, 10, 0.25, c.seed, &h, &err), err);
    assert_in_range(h.validation_count, 25, 35);
    Trainer *t = run(c, &w);
    assert_int_equal(trainer_epoch_steps(t), (h.train_count + 15) / 16);
    assert_int_equal(trainer_state(t)->last_sum.count, h.train_count);
    const Metrics validation =
        figures(&c, trainer_params(t), train, h.validation, h.validation_count);
    const Metrics test = figures(&c, trainer_params(t), &f->dataset->test, NULL, c.test_limit);
    const TrainEvent *end = &w.seen.end;
    assert_true(end->evaluated && end->validated && end->tested);
    assert_true(end->validation_loss == metrics_loss(&validation));
    assert_true(end->validation_accuracy == metrics_accuracy(&validation));
    assert_true(end->test_loss == metrics_loss(&test));
    assert_true(end->test_accuracy == metrics_accuracy(&test));
    holdout_free(&h);
    trainer_free(t);
}

/* A set of the examples that train, and of no other, gives the same weights, bit for bit, also
 * where classes have weights: those held out do not count. */
static void what_is_held_out_leaves_no_trace(void **state)
{
    const TrainerFixture *f = *state;
    for (int i = 0; i < 2; i++) {
        TrainConfig c = held_out(f);
        c.class_weights = i == 0 ? CLASS_WEIGHTS_NONE : CLASS_WEIGHTS_BALANCED;
        Error err = {0};
        Epochs w = {0};
        Holdout h;
        Dataset only = *f->dataset;
        CHECK_OK(holdout_new(&only.train, c.train_limit, 10, 0.25, c.seed, &h, &err), err);
        uint8_t *pixels = xcalloc((size_t)h.train_count, 28 * 28);
        uint16_t *labels = xcalloc((size_t)h.train_count, sizeof *labels);
        for (int n = 0; n < h.train_count; n++) {
            labels[n] = only.train.labels[h.train[n]];
            memcpy(pixels + n * 784, only.train.pixels + (size_t)h.train[n] * 784, 784);
        }
        only.train = (Split){h.train_count, pixels, labels};
        Trainer *held = run(c, &w);
        c.validation_split = 0;
        c.train_limit = 0;
        c.dataset = &only;
        w = (Epochs){0};
        Trainer *alone = run(c, &w);
        const ParamStore *a = trainer_params(held), *b = trainer_params(alone);
        assert_memory_equal(a->values, b->values, a->count * sizeof *a->values);
        trainer_free(held);
        trainer_free(alone);
        holdout_free(&h);
        free(pixels);
        free(labels);
    }
}

static void the_test_split_is_evaluated_once(void **state)
{
    Epochs w = {0};
    Trainer *t = run(held_out(*state), &w);
    assert_int_equal(w.count, 3);
    for (int i = 0; i < 3; i++) {
        const EpochMetrics row = train_event_metrics(&w.epochs[i]);
        assert_true(w.epochs[i].evaluated && w.epochs[i].validated);
        assert_int_equal(w.epochs[i].tested, i == 2);
        assert_true(isfinite(row.validation_loss) && isfinite(row.validation_accuracy));
        assert_int_equal(isnan(row.test_loss), i < 2);
        assert_int_equal(isnan(row.test_accuracy), i < 2);
        assert_int_equal(isnan(row.test_top5_accuracy), i < 2);
    }
    trainer_free(t);
    // Without a split it is as it was: tested each time, nothing is held out.
    TrainConfig c = small_training(*state);
    Epochs plain = {0};
    t = run(c, &plain);
    for (int i = 0; i < plain.count; i++) {
        const EpochMetrics row = train_event_metrics(&plain.epochs[i]);
        assert_true(plain.epochs[i].tested && !plain.epochs[i].validated);
        assert_true(isnan(row.validation_accuracy) && isfinite(row.test_accuracy));
    }
    trainer_free(t);
}

static void best_and_early_stopping_go_by_it(void **state)
{
    TrainConfig c = held_out(*state);
    c.epochs = MOST_EPOCHS;
    c.learning_rate = 0.2;
    c.early_ending.patience = 2;
    Epochs w = {0};
    Trainer *t = run(c, &w);
    double best = -1;
    int idle = 0, best_epoch = 0;
    for (int i = 0; i < w.count; i++) {
        const double accuracy = w.epochs[i].validation_accuracy;
        assert_true(idle < 2);
        assert_int_equal(w.epochs[i].best, accuracy > best);
        idle = accuracy > best ? 0 : idle + 1;
        best_epoch = accuracy > best ? i + 1 : best_epoch;
        best = accuracy > best ? accuracy : best;
    }
    assert_int_equal(idle, 2);
    assert_int_equal(w.seen.end.ending, ENDING_EARLY_STOPPING);
    assert_true(w.epochs[w.count - 1].tested);
    assert_int_equal(trainer_state(t)->best_epoch, best_epoch);
    assert_true(trainer_state(t)->best_accuracy == best);
    trainer_free(t);
}

/* Stopped within an epoch, and within the last test: the rest is as if it had not been. */
static void a_resume_ends_alike(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = held_out(f);
    c.checkpoint_path = f->checkpoint;
    Epochs whole = {0};
    Trainer *t = run(c, &whole);
    const TrainEvent want = whole.seen.end;
    const size_t count = trainer_params(t)->count;
    float *values = xcalloc(count, sizeof *values);
    memcpy(values, trainer_params(t)->values, count * sizeof *values);
    trainer_free(t);
    const int parts = whole.seen.parts;
    for (int how = 0; how < 2; how++) {
        Seen first = {.stop_at_step = how == 0 ? 8 : 0, .stop_at_part = how == 1 ? parts : 0};
        run_until_stopped(c, &first);
        Epochs second = {0};
        t = run(resumed(c, f), &second);
        assert_memory_equal(trainer_params(t)->values, values, count * sizeof *values);
        assert_true(second.seen.end.test_loss == want.test_loss);
        assert_true(second.seen.end.validation_loss == want.validation_loss);
        assert_int_equal(second.count, how == 0 ? 2 : 1);
        assert_true(second.epochs[second.count - 1].tested);
        trainer_free(t);
    }
    free(values);
}

/* The budget may end it where no epoch ends. */
static void a_budget_ends_with_all_figures(void **state)
{
    TrainConfig c = held_out(*state);
    c.early_ending.max_seconds = 1e-9;
    Epochs w = {0};
    Trainer *t = run(c, &w);
    assert_int_equal(w.count, 0);
    assert_true(w.seen.end.validated && w.seen.end.tested);
    trainer_free(t);
}

static void refuses_what_makes_no_sense(void **state)
{
    Error err = {0};
    Trainer *t;
    TrainConfig c = held_out(*state);
    c.validation_split = 0.6;
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID,
                  "validation_split must be 0 to 0.5, got 0.6");
    c = small_training(*state);
    c.normalization_type = NORMALIZATION_GIVEN;
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID,
                  "normalization is of 0 channels, the images have 1");
    c.normalization = (Normalization){1, {0.5}, {0}};
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID,
                  "normalization.std must be above 0, got 0");
    c.normalization_type = NORMALIZATION_NONE;
    c.augmentation.crop_padding = 28;
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID,
                  "augmentation.crop_padding must be 0 to 27 for pictures of 28 x 28, got 28");
    const TrainerFixture *f = *state;
    Dataset untested = *f->dataset;
    untested.name = "shirts";
    untested.test.count = 0;
    c = small_training(f);
    c.dataset = &untested;
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID,
                  "shirts has no test examples, by which a training is judged at its end");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_out_examples_are_evaluated_and_not_trained),
        cmocka_unit_test(what_is_held_out_leaves_no_trace),
        cmocka_unit_test(the_test_split_is_evaluated_once),
        cmocka_unit_test(best_and_early_stopping_go_by_it),
        cmocka_unit_test(a_resume_ends_alike),
        cmocka_unit_test(a_budget_ends_with_all_figures),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
