/* tests/core/train/trainer/test_trainer_shards.c -- batches in shards, on one rank and several. */
#include <math.h>
#include <stdlib.h>

#include "core/layers/batch_norm.h"
#include "core/layers/conv/conv.h"
#include "core/layers/dropout.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/relu.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/comm/thread_ranks.h"
#include "tests/core/train/trainer/trainer_fixture.h"

/* A training by several ranks, and what came of it. */
typedef struct {
    TrainConfig config;
    Seen seen[THREAD_RANKS_MAX];
    float *values[THREAD_RANKS_MAX];
    size_t count;
    int64_t batches[THREAD_RANKS_MAX];  // that a normalisation has counted
    bool stops;
    int64_t stop_at[THREAD_RANKS_MAX];  // a step; 0: not
    Error errors[THREAD_RANKS_MAX];
} Run;

static TrainAnswer note(void *context, const TrainEvent *e)
{
    Seen *seen = context;
    seen->epochs += e->type == TRAIN_EPOCH;
    if (e->type == TRAIN_EPOCH)
        seen->last_epoch = *e;
    seen->checkpoints += e->type == TRAIN_CHECKPOINT;
    const bool step = e->type == TRAIN_STEP || e->type == TRAIN_POINT;
    seen->last_step = e->step;
    return step && seen->stop_at_step > 0 && e->step >= seen->stop_at_step ? TRAIN_STOP
                                                                           : TRAIN_GO_ON;
}

static void train_as_rank(const Comm *comm, void *context)
{
    Run *run = context;
    const int r = comm_rank(comm);
    TrainConfig c = run->config;
    c.comm = comm;
    Trainer *t = NULL;
    if (!trainer_new(&c, &t, &run->errors[r]))
        return;
    run->seen[r].stop_at_step = run->stop_at[r];
    if (trainer_run(t, note, &run->seen[r], &run->errors[r]) || run->stops) {
        const ParamStore *p = trainer_params(t);
        run->count = p->count;
        run->values[r] = xcalloc(p->count, sizeof(float));
        memcpy(run->values[r], p->values, p->count * sizeof(float));
        run->batches[r] = p->counter_count > 0 ? p->counters[0] : 0;
    }
    trainer_free(t);
}

/* The values, the same on all ranks; NULL: it failed. */
static float *train_on(int ranks, Run *run)
{
    as_ranks(ranks, train_as_rank, run);
    for (int r = 1; r < ranks; r++) {
        assert_int_equal(run->values[r] == NULL, run->values[0] == NULL);
        assert_int_equal(run->errors[r].code, run->errors[0].code);
        assert_int_equal(run->seen[r].checkpoints, 0);
        if (run->values[0])
            assert_memory_equal(run->values[r], run->values[0], run->count * sizeof(float));
        free(run->values[r]);
    }
    return run->values[0];
}

/* Whoever evaluated what. */
static void check_same_figures(const TrainEvent *a, const TrainEvent *b)
{
    assert_true(a->loss == b->loss && a->accuracy == b->accuracy);
    assert_int_equal(a->validated, b->validated);
    assert_true(a->validation_loss == b->validation_loss);
    assert_true(a->validation_accuracy == b->validation_accuracy);
    assert_true(a->test_loss == b->test_loss && a->test_loss > 0);
    assert_true(a->test_accuracy == b->test_accuracy);
    assert_true(a->test_top5_accuracy == b->test_top5_accuracy);
}

static void check_ranks(TrainConfig c)
{
    Run alone = {.config = c};
    float *want = train_on(1, &alone);
    CHECK_OK(want != NULL, alone.errors[0]);
    for (int ranks = 2; ranks <= 4; ranks += 2) {
        Run run = {.config = c};
        float *got = train_on(ranks, &run);
        CHECK_OK(got != NULL, run.errors[0]);
        assert_memory_equal(got, want, run.count * sizeof *got);
        for (int r = 0; r < ranks; r++) {
            check_same_figures(&run.seen[r].last_epoch, &alone.seen[0].last_epoch);
            assert_int_equal(run.batches[r], alone.batches[0]);
        }
        free(got);
    }
    free(want);
}

static Node normed_with_dropout(Graph *g, Node x, ModelOptions o)
{
    x = conv(g, x, "0", (Conv){.out = 8, .kernel = 3, .stride = 2, .pad = 1, .no_bias = true});
    x = batch_norm(g, x, "1", (BatchNorm){0});
    x = relu(g, x, "2");
    x = conv(g, x, "3", (Conv){.out = 16, .kernel = 3, .stride = 2, .pad = 1, .no_bias = true});
    x = batch_norm(g, x, "4", (BatchNorm){0});
    x = relu(g, x, "5");
    x = global_avg_pool(g, x, "6");
    x = dropout(g, x, "7", (Dropout){.rate = 0.3F});
    return linear(g, x, "8", (Linear){.out = o.classes});
}

static const char *const STAGES[] = {"8", NULL};
static const Model NORMED = {
    .name = "normed", .build = normed_with_dropout, .image_size = 28, .stages = STAGES};

/* What is dropped depends on an example's place in the batch, whatever shard it is in. */
static Node dropped(Graph *g, Node x, ModelOptions o)
{
    x = conv(g, x, "0", (Conv){.out = 8, .kernel = 3, .stride = 2, .pad = 1});
    x = relu(g, x, "1");
    x = dropout(g, x, "2", (Dropout){.rate = 0.5F});
    x = global_avg_pool(g, x, "3");
    return linear(g, x, "8", (Linear){.out = o.classes});
}

static const Model DROPPED = {
    .name = "dropped", .build = dropped, .image_size = 28, .stages = STAGES};

static TrainConfig sharded(const TrainerFixture *f)
{
    TrainConfig c = small_training(f);
    c.shards = 4;
    c.train_limit = 60;  // three whole batches and a last one of 6, whose shards may have 3
    c.batch_size = 18;   // shards of 5, 5, 4 and 4
    return c;
}

static TrainConfig sharded_with_everything(const TrainerFixture *f)
{
    TrainConfig c = sharded(f);
    c.model = &NORMED;
    c.precision = net_bf16_is_fast() ? PRECISION_BF16 : PRECISION_F32;
    c.accumulation = 2;
    c.clip_norm = 0.5;
    c.ema.decay = 0.9;
    c.optimizer =
        (Optimizer){.type = OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    c.learning_rate = 0.01;
    c.augmentation = (Augmentation){.crop_padding = 2, .mixup = 0.2};
    c.class_weights = CLASS_WEIGHTS_BALANCED;
    return c;
}

static void any_number_of_ranks_gives_the_same_bits(void **state)
{
    check_ranks(sharded(*state));
    check_ranks(sharded_with_everything(*state));
}

static void figures_are_the_same_whoever_evaluates(void **state)
{
    TrainConfig c = sharded(*state);  // evaluated in batches of 5
    c.test_limit = 33;
    c.validation_split = 0.25;
    c.ema.decay = 0.9;
    check_ranks(c);
    c.test_limit = 7;  // two batches: of four ranks two have none
    check_ranks(c);
}

static void batches_smaller_than_the_shards_have_fewer(void **state)
{
    TrainConfig c = sharded(*state);
    c.train_limit = 21;  // a last batch of 3: three shards have one example
    check_ranks(c);
    c.model = &NORMED;  // ... and where they are coupled, one has all
    check_ranks(c);
    c.train_limit = 23;  // two shards, of 3 and 2
    c.batch_size = 9;    // and of whole batches 3, 2, 2 and 2
    check_ranks(c);
}

static void a_batch_of_fewer_shards_is_counted(void **state)
{
    TrainConfig c = sharded(*state);
    c.model = &NORMED;
    c.epochs = 2;
    c.train_limit = 21;  // 18 and 3 an epoch
    for (int sync = 0; sync < 2; sync++) {
        c.sync = sync;
        Run run = {.config = c};
        free(train_on(1, &run));
        assert_int_equal(run.batches[0], 4);
    }
}

static void check_near_the_whole(TrainConfig c)
{
    Seen whole = {0}, one = {0};
    size_t count;
    free(values_after(c, &whole, &count));
    c.shards = 1;
    free(values_after(c, &one, &count));
    assert_true(one.last_epoch.loss == whole.last_epoch.loss);
    for (c.shards = 2; c.shards <= 5; c.shards++) {
        Seen seen = {0};
        free(values_after(c, &seen, &count));
        CHECK_NEAR(seen.last_epoch.loss, whole.last_epoch.loss, 2e-5);
        assert_int_equal(seen.examples, whole.examples);
    }
}

static void shards_are_what_the_whole_batch_is_but_for_rounding(void **state)
{
    TrainConfig c = small_training(*state);
    c.precision = PRECISION_F32;
    check_near_the_whole(c);
    c.model = &DROPPED;
    check_near_the_whole(c);
}

/* Numbers of the parameter of that name after one step that hardly moves the weights. */
static const float *after_one_step(TrainConfig c, const char *name, Trainer **t)
{
    Error err = {0};
    c.epochs = 1;
    c.train_limit = c.batch_size;
    c.learning_rate = 1e-30;
    *t = trainer_of(c);
    CHECK_OK(trainer_run(*t, NULL, NULL, &err), err);
    const ParamStore *p = trainer_params(*t);
    assert_int_equal(p->counters[params_find(p, "1.num_batches_tracked")->offset], 1);
    return p->values + params_find(p, name)->offset;
}

/* The mean over a batch is the mean of its shards' means, weighted by examples. */
static void running_statistics_move_on_by_the_mean_of_the_shards(void **state)
{
    TrainConfig c = small_training(*state), cut = c;
    Trainer *whole, *parts;
    c.model = cut.model = &NORMED;
    cut.shards = 3;  // of 6, 5 and 5
    const float *want = after_one_step(c, "1.running_mean", &whole);
    const float *got = after_one_step(cut, "1.running_mean", &parts);
    for (int i = 0; i < 8; i++)
        CHECK_NEAR(got[i], want[i], 1e-6);
    trainer_free(whole);
    trainer_free(parts);
    // Variances within the shards are smaller than that of the whole, in sum.
    want = after_one_step(c, "1.running_var", &whole);
    got = after_one_step(cut, "1.running_var", &parts);
    for (int i = 0; i < 8; i++)
        assert_true(got[i] > 0.9F && fabsf(got[i] - want[i]) < 0.05F && got[i] != want[i]);
    trainer_free(whole);
    trainer_free(parts);
}

/* ---- Synced ---- */

static TrainConfig synced(const TrainerFixture *f)
{
    TrainConfig c = sharded(f);
    c.model = &NORMED;
    c.sync = true;
    c.precision = PRECISION_F32;
    c.learning_rate = 0.01;
    return c;
}

static void synced_shards_give_the_same_bits_on_any_number_of_ranks(void **state)
{
    TrainConfig c = synced(*state);
    check_ranks(c);
    c.train_limit = 21;  // a last batch of 3: one shard, and of four ranks one, has no example
    check_ranks(c);
    c.train_limit = 38;  // ... of 2
    check_ranks(c);
    c = sharded_with_everything(*state);  // bfloat16 where the CPU has it
    c.sync = true;
    check_ranks(c);
    c.shards = 8;
    c.batch_size = 12;  // shards of 2 and of 1
    check_ranks(c);
}

/* The furthest that a value lies from its other one, against the largest. */
static double distance(const float *a, const float *b, size_t count)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    return most / largest;
}

/* After a few steps, of which the last one is of a smaller batch. */
static double distance_from_the_whole(TrainConfig c)
{
    Seen whole = {0}, parts = {0};
    size_t count;
    float *got = values_after(c, &parts, &count);
    c.shards = 1;
    float *want = values_after(c, &whole, &count);
    const double far = distance(got, want, count);
    assert_int_equal(parts.examples, whole.examples);
    free(got);
    free(want);
    return far;
}

/* One epoch of a loss that weighs classes and smooths labels. */
static TrainConfig weighted(TrainConfig c, int train_limit)
{
    c.epochs = 1;
    c.train_limit = train_limit;
    c.class_weights = CLASS_WEIGHTS_BALANCED;
    c.label_smoothing = 0.1;
    return c;
}

static void synced_shards_are_the_whole_batch_but_for_rounding(void **state)
{
    TrainConfig c = weighted(synced(*state), 44);
    for (c.shards = 2; c.shards <= 6; c.shards += 2)
        assert_true(distance_from_the_whole(c) < 1e-5);
    c.sync = false;
    assert_true(distance_from_the_whole(c) > 1e-3);
    if (net_bf16_is_fast()) {
        c.sync = true;
        c.precision = PRECISION_BF16;
        assert_true(distance_from_the_whole(c) < 1e-2);
    }
}

/* Class weights alone join the examples of a network without batch normalisation. */
static void synced_class_weights_are_those_of_the_whole(void **state)
{
    TrainConfig c = weighted(synced(*state), 43);
    c.model = small_training(*state).model;
    for (c.shards = 2; c.shards <= 8; c.shards += 3)
        assert_true(distance_from_the_whole(c) < 1e-5);
    c.sync = false;
    assert_true(distance_from_the_whole(c) > 1e-4);
    c.sync = true;
    c.shards = 4;
    check_ranks(c);
}

static void synced_running_statistics_are_those_of_the_whole(void **state)
{
    TrainConfig c = small_training(*state), cut = c;
    Trainer *whole, *parts;
    c.model = cut.model = &NORMED;
    cut.shards = 3;
    cut.sync = true;
    static const char *const NAMES[] = {"1.running_mean", "1.running_var"};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        const float *want = after_one_step(c, NAMES[i], &whole);
        const float *got = after_one_step(cut, NAMES[i], &parts);
        assert_true(distance(got, want, 8) < 1e-6);
        trainer_free(whole);
        trainer_free(parts);
    }
}

static void a_stop_between_two_shards_changes_no_bit(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = sharded(f);
    c.model = &NORMED;
    Seen whole = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    c.checkpoint_path = f->checkpoint;
    for (int part = 1; part <= 8; part++) {
        Seen first = {.stop_at_part = part}, second = {0};
        run_until_stopped(c, &first);
        float *got = values_after(resumed(c, f), &second, &count);
        assert_memory_equal(got, want, count * sizeof *got);
        free(got);
    }
    free(want);
}

static void check_going_on(const TrainerFixture *f, bool sync)
{
    static const int RANKS[][2] = {{4, 2}, {2, 1}, {1, 4}};
    TrainConfig c = sharded_with_everything(f);
    c.sync = sync;
    Run whole = {.config = c};
    float *want = train_on(1, &whole);
    for (size_t i = 0; i < COUNT(RANKS); i++) {
        c.checkpoint_path = f->checkpoint;
        Run first = {.config = c, .stops = true};
        first.stop_at[RANKS[i][0] - 1] = 3;  // the last rank wants it, and all stop
        free(train_on(RANKS[i][0], &first));
        assert_int_equal(first.errors[0].code, ERR_STOPPED);
        assert_int_equal(first.seen[0].last_step, 3);
        assert_int_equal(first.seen[0].checkpoints, 1);
        Run second = {.config = resumed(c, f)};
        float *got = train_on(RANKS[i][1], &second);
        CHECK_OK(got != NULL, second.errors[0]);
        assert_memory_equal(got, want, second.count * sizeof *got);
        free(got);
    }
    free(want);
}

static void another_number_of_ranks_goes_on_to_the_same_bits(void **state)
{
    check_going_on(*state, false);
    check_going_on(*state, true);
}

/* ---- What is refused ---- */

static void check_refused(TrainConfig c, int ranks, const char *says)
{
    Run run = {.config = c};
    assert_null(train_on(ranks, &run));
    assert_int_equal(run.errors[0].code, ERR_INVALID);
    assert_string_equal(run.errors[0].message, says);
}

static void shards_that_do_not_fit_are_refused(void **state)
{
    TrainConfig c = sharded(*state);
    c.shards = 3;
    check_refused(c, 2,
                  "shards must be a multiple of the 2 ranks, got 3: each rank computes as many "
                  "shards of a batch");
    c.shards = 65;
    check_refused(c, 1, "shards must be 1 to 64, got 65");
    c.shards = 19;
    check_refused(c, 1, "19 shards of googlenet_tiny need a batch_size of 19 or more, got 18");
    c.shards = 10;
    c.model = &NORMED;
    check_refused(c, 1, "10 shards of normed need a batch_size of 20 or more, got 18");
}

typedef struct {
    TrainConfig config;
    Dataset other;
    Error errors[2];
} Odd;

static void train_as_odd_rank(const Comm *comm, void *context)
{
    Odd *odd = context;
    TrainConfig c = odd->config;
    Trainer *t = NULL;
    c.comm = comm;
    if (comm_rank(comm) == 1)
        c.dataset = &odd->other;
    if (trainer_new(&c, &t, &odd->errors[comm_rank(comm)]))
        abort();
}

static void a_rank_with_other_data_is_refused_by_all(void **state)
{
    const TrainerFixture *f = *state;
    Odd odd = {.config = sharded(f), .other = *f->dataset};
    odd.other.test.count--;  // of 10,000
    as_ranks(2, train_as_odd_rank, &odd);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(odd.errors[r].code, ERR_INVALID);
        assert_non_null(strstr(odd.errors[r].message, "rank 1: it has the data set "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_ranks_gives_the_same_bits),
        cmocka_unit_test(figures_are_the_same_whoever_evaluates),
        cmocka_unit_test(batches_smaller_than_the_shards_have_fewer),
        cmocka_unit_test(a_batch_of_fewer_shards_is_counted),
        cmocka_unit_test(shards_are_what_the_whole_batch_is_but_for_rounding),
        cmocka_unit_test(running_statistics_move_on_by_the_mean_of_the_shards),
        cmocka_unit_test(synced_shards_give_the_same_bits_on_any_number_of_ranks),
        cmocka_unit_test(synced_shards_are_the_whole_batch_but_for_rounding),
        cmocka_unit_test(synced_class_weights_are_those_of_the_whole),
        cmocka_unit_test(synced_running_statistics_are_those_of_the_whole),
        cmocka_unit_test(a_stop_between_two_shards_changes_no_bit),
        cmocka_unit_test(another_number_of_ranks_goes_on_to_the_same_bits),
        cmocka_unit_test(shards_that_do_not_fit_are_refused),
        cmocka_unit_test(a_rank_with_other_data_is_refused_by_all),
    };
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
