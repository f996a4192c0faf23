/* tests/core/train/trainer/test_trainer_end.c -- however a training ends, the figures that it ends
 * with are those of its weights. */
#include <stdio.h>

#include "core/data/loader/loader.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/train/files/read_model.h"
#include "tests/core/train/trainer/trainer_fixture.h"

/* Accuracy and loss of the weights in a file, measured by a net of its own. */
static Metrics measured(const TrainerFixture *f, const TrainConfig *c, const char *path)
{
    Error err = {0};
    Graph *g = model_graph(c->model, (Shape){1, c->image_size, c->image_size}, 10, &err);
    ParamStore *params = NULL;
    Net *net = NULL;
    Loader *loader = NULL;
    CHECK_OK(params_new(g, &params, &err), err);
    CHECK_OK(read_model(path, params, NULL, &err), err);
    const NetConfig how = {.batch_size = c->batch_size,
                           .bf16 = precision_resolve(c->precision) == PRECISION_BF16};
    CHECK_OK(net_new(g, params, how, &net, &err), err);
    const LoaderConfig test = {
        .batch_size = c->batch_size, .image_size = c->image_size, .limit = c->test_limit};
    CHECK_OK(loader_new(f->dataset, &f->dataset->test, test, &loader, &err), err);
    Metrics sum = {0};
    for (bool last = false; !last;) {
        const Batch *b = loader_next(loader);
        CHECK_OK(net_evaluate_batch(
                     net, &(NetBatch){.images = b->images, .labels = b->labels, .count = b->count},
                     &sum, &err),
                 err);
        last = b->last;
    }
    loader_free(loader);
    net_free(net);
    params_free(params);
    graph_free(g);
    return sum;
}

static void check_end(const TrainerFixture *f, const TrainConfig *c, const Seen *seen,
                      Ending ending)
{
    assert_int_equal(seen->ends, 1);
    assert_int_equal(seen->end.ending, ending);
    assert_true(seen->end.evaluated);
    const Metrics file = measured(f, c, f->checkpoint);
    assert_int_equal(file.count, c->test_limit);
    CHECK_NEAR(seen->end.test_loss, metrics_loss(&file), 1e-5);
    CHECK_NEAR(seen->end.test_accuracy, metrics_accuracy(&file), 1e-9);
    CHECK_NEAR(seen->end.test_top5_accuracy, metrics_top5_accuracy(&file), 1e-9);
}

static void the_last_epochs_figures_are_the_ends(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    Seen seen = {0};
    size_t count;
    free(values_after(c, &seen, &count));
    check_end(f, &c, &seen, ENDING_COMPLETED);
    assert_true(seen.end.loss == seen.last_epoch.loss);
    assert_true(seen.end.test_loss == seen.last_epoch.test_loss);
    assert_int_equal(seen.end.epoch, 2);
    assert_int_equal(seen.checkpoints, 1);
    assert_true(seen.last_checkpoint.test_loss == seen.last_epoch.test_loss);
}

static void a_budget_within_an_epoch_evaluates_the_weights_it_leaves(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    c.early_ending.max_seconds = 1e-9;  // used up by the first step
    Seen seen = {0};
    size_t count;
    free(values_after(c, &seen, &count));
    assert_int_equal(seen.last_step, 1);
    assert_int_equal(seen.epochs, 0);
    assert_int_equal(seen.end.epoch, 1);
    check_end(f, &c, &seen, ENDING_MAX_SECONDS);
    // Going on from there, the budget is still used up, and the figures are the file's.
    Seen again = {0};
    free(values_after(resumed(c, f), &again, &count));
    assert_int_equal(again.last_step, 1);
    assert_int_equal(again.checkpoints, 0);
    check_end(f, &c, &again, ENDING_MAX_SECONDS);
}

static void a_budget_stopped_in_its_last_evaluation_evaluates_again(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    c.early_ending.max_seconds = 1e-9;
    Seen stopped = {.stop_in_test = true}, seen = {0};
    size_t count;
    run_until_stopped(c, &stopped);
    assert_int_equal(stopped.last_step, 1);
    free(values_after(resumed(c, f), &seen, &count));
    assert_int_equal(seen.last_step, 1);
    check_end(f, &c, &seen, ENDING_MAX_SECONDS);
}

static void patience_is_remembered_by_the_checkpoint(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    c.epochs = 20;
    c.early_ending = (EarlyEnding){.patience = 2, .min_delta = 1};  // nothing betters the first
    Seen whole = {0}, first = {.stop_at_step = 2 * 8 + 3}, second = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    assert_int_equal(whole.epochs, 3);
    check_end(f, &c, &whole, ENDING_EARLY_STOPPING);
    run_until_stopped(c, &first);
    float *got = values_after(resumed(c, f), &second, &count);
    assert_int_equal(first.epochs + second.epochs, 3);
    assert_memory_equal(got, want, count * sizeof *got);
    check_end(f, &c, &second, ENDING_EARLY_STOPPING);
    free(got);
    free(want);
}

static void fewer_epochs_than_done_leave_nothing_to_train(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    c.epochs = 3;
    Seen first = {.stop_at_step = 2 * 8 + 5}, second = {0};
    run_until_stopped(c, &first);
    c.epochs = 1;
    size_t count;
    free(values_after(resumed(c, f), &second, &count));
    assert_int_equal(second.points, 0);
    assert_int_equal(second.end.step, 21);
    assert_int_equal(second.end.total_steps, 21);
    assert_string_equal(second.note, "21 steps of 8 in 1 epoch are done: nothing is left to train");
    check_end(f, &c, &second, ENDING_COMPLETED);
    // The same again finds the figures in the checkpoint.
    Seen third = {0};
    free(values_after(resumed(c, f), &third, &count));
    assert_int_equal(third.parts, 0);
    check_end(f, &c, &third, ENDING_COMPLETED);
}

typedef struct {
    Seen seen;
    const Trainer *trainer;
    double best;
    int64_t best_epoch;
    char best_path[128];
    int best_checkpoints;
} BestKeeper;

/* What the command line and the daemon do: keep the weights whenever they are the best. */
static TrainAnswer keep_best(void *context, const TrainEvent *e)
{
    BestKeeper *k = context;
    if (e->type == TRAIN_EPOCH && e->test_accuracy > k->best) {
        k->best = e->test_accuracy;
        k->best_epoch = e->epoch;
    }
    if (e->type == TRAIN_CHECKPOINT && e->best) {
        Error err = {0};
        assert_true(e->test_accuracy == k->best);
        CHECK_OK(model_save(k->best_path, trainer_params(k->trainer),
                            &(ModelInfo){.network = "best"}, &err),
                 err);
        k->best_checkpoints++;
    }
    return watch(&k->seen, e);
}

static void the_best_weights_are_checkpointed_and_marked(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    c.checkpoint_best = true;
    c.learning_rate = 0.3;  // so that the last epoch is not the best
    c.epochs = 6;
    BestKeeper k = {.best = -1};
    snprintf(k.best_path, sizeof k.best_path, "%s/best.safetensors", f->folder);
    Trainer *t = trainer_of(c);
    k.trainer = t;
    CHECK_OK(trainer_run(t, keep_best, &k, &err), err);
    assert_true(k.best_checkpoints >= 1);
    assert_true(trainer_state(t)->best_accuracy == k.best);
    assert_int_equal(trainer_state(t)->best_epoch, k.best_epoch);
    assert_int_equal(trainer_state(t)->best_step, k.best_epoch * trainer_epoch_steps(t));
    const Metrics file = measured(f, &c, k.best_path);
    CHECK_NEAR(metrics_accuracy(&file), k.best, 1e-9);
    assert_int_equal(k.seen.end.best, k.seen.end.test_accuracy == k.best
                                          && trainer_state(t)->best_step == k.seen.end.step);
    trainer_free(t);
}

/* With a rate that moves nothing, every epoch is as good as the first. */
static void an_equal_epoch_is_not_better(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    c.checkpoint_best = true;
    c.learning_rate = 1e-12;
    c.epochs = 3;
    BestKeeper k = {.best = -1};
    snprintf(k.best_path, sizeof k.best_path, "%s/best.safetensors", f->folder);
    Trainer *t = trainer_of(c);
    k.trainer = t;
    CHECK_OK(trainer_run(t, keep_best, &k, &err), err);
    assert_int_equal(k.best_checkpoints, 1);
    assert_int_equal(trainer_state(t)->best_epoch, 1);
    assert_false(k.seen.end.best);
    trainer_free(t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_epochs_figures_are_the_ends),
        cmocka_unit_test(a_budget_within_an_epoch_evaluates_the_weights_it_leaves),
        cmocka_unit_test(a_budget_stopped_in_its_last_evaluation_evaluates_again),
        cmocka_unit_test(patience_is_remembered_by_the_checkpoint),
        cmocka_unit_test(fewer_epochs_than_done_leave_nothing_to_train),
        cmocka_unit_test(the_best_weights_are_checkpointed_and_marked),
        cmocka_unit_test(an_equal_epoch_is_not_better),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
