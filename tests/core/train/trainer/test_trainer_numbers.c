/* tests/core/train/trainer/test_trainer_numbers.c -- NaN and infinity end a training where they
 * arise, and never reach a checkpoint. */
#include <stdio.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

/* A checkpoint is written after step 2; in the step after that one number becomes `value`. */
typedef struct {
    Seen seen;
    const Trainer *trainer;
    const char *param;
    float value;
} Poison;

static TrainAnswer poison(void *context, const TrainEvent *e)
{
    Poison *p = context;
    const ParamStore *params = trainer_params(p->trainer);
    const Param *param = params_find(params, p->param);
    if (e->step == 2 && e->type == TRAIN_CHECKPOINT)
        params->values[param->offset] = p->value;
    watch(&p->seen, e);
    return e->step == 2 && (e->type == TRAIN_STEP || e->type == TRAIN_POINT) ? TRAIN_CHECKPOINT_NOW
                                                                             : TRAIN_GO_ON;
}

/* Runs into the poison; the checkpoint is still that of step 2. */
static Error poisoned(const TrainerFixture *f, TrainConfig c, const char *param, float value)
{
    Error err = {0}, fault = {0};
    c.checkpoint_path = f->checkpoint;
    Trainer *t = trainer_of(c);
    Poison p = {.trainer = t, .param = param, .value = value};
    assert_false(trainer_run(t, poison, &p, &fault));
    assert_int_equal(fault.code, ERR_NUMERIC);
    assert_int_equal(p.seen.last_step, 2);
    assert_int_equal(p.seen.checkpoints, 1);
    assert_int_equal(p.seen.ends, 0);
    TrainState state;
    CHECK_OK(checkpoint_load(f->checkpoint, (ParamStore *)trainer_params(t), &state, NULL, &err),
             err);
    assert_int_equal(state.step, 2);
    trainer_free(t);
    return fault;
}

static void a_weight_that_is_no_number_ends_it_at_that_step(void **state)
{
    const TrainerFixture *f = *state;
    static const char *const PARAMS[] = {"0.0.weight",      "1.0.p2_1.weight", "1.1.p3_2.bias",
                                         "2.0.p4_2.weight", "3.weight",        "3.bias"};
    for (size_t i = 0; i < COUNT(PARAMS); i++) {
        const float value = i % 2 ? INFINITY : NAN;
        const Error fault = poisoned(f, small_training(f), PARAMS[i], value);
        assert_non_null(
            strstr(fault.message, " at step 3; a smaller learning_rate or a clip_norm may help"));
    }
}

static void a_loss_that_is_no_number_is_named(void **state)
{
    const TrainerFixture *f = *state;
    const Error fault = poisoned(f, small_training(f), "3.bias", NAN);
    assert_string_equal(
        fault.message,
        "the loss became NaN at step 3; a smaller learning_rate or a clip_norm may help");
}

/* All numbers are finite, and so is the loss: only the norm says that the training has diverged. */
static void a_norm_that_overflows_ends_it(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.learning_rate = 1e-30;
    const Error fault = poisoned(f, c, "0.0.bias", 1e24f);
    assert_string_equal(fault.message, "the norm of the gradients became infinite at step 3; a "
                                       "smaller learning_rate or a clip_norm may help");
}

/* Loss and gradients are finite: the bias is of a channel that its ReLU keeps at 0. Decay three
 * times as large as the number turns it and doubles it, which is too much for a float. */
static void a_weight_that_overflows_ends_it(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.learning_rate = 3;
    c.optimizer = (Optimizer){.weight_decay = 1};
    const Error fault = poisoned(f, c, "0.0.bias", -3e38f);
    assert_string_equal(fault.message, "a number of 0.0.bias became infinite at step 3; a smaller "
                                       "learning_rate or a clip_norm may help");
}

static void the_same_in_bf16(void **state)
{
    const TrainerFixture *f = *state;
    if (precision_resolve(PRECISION_AUTO) != PRECISION_BF16)
        skip();
    TrainConfig c = small_training(f);
    c.precision = PRECISION_BF16;
    poisoned(f, c, "0.0.weight", NAN);
    poisoned(f, c, "2.0.p2_2.weight", -NAN);
}

/* Clipping does not hide it, nor do moments, averages and the other batches of a step. */
static void the_same_with_everything_on(void **state)
{
    const TrainerFixture *f = *state;
    static const Optimizer ADAMW = {OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    TrainConfig c = small_training(f);
    c.optimizer = ADAMW;
    c.learning_rate = 0.001;
    c.clip_norm = 1;
    c.accumulation = 2;
    c.ema.decay = 0.9;
    poisoned(f, c, "0.0.weight", NAN);
    poisoned(f, c, "2.0.p4_2.weight", INFINITY);
    c.learning_rate = 1e-30;
    const Error fault = poisoned(f, c, "0.0.bias", 1e24f);
    assert_string_equal(fault.message, "the norm of the gradients became infinite at step 3; a "
                                       "smaller learning_rate or a clip_norm may help");
}

static void a_rate_that_is_too_large_ends_it(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    TrainConfig c = small_training(f);
    c.learning_rate = 1e38;
    c.checkpoint_path = f->checkpoint;
    unlink(f->checkpoint);
    Trainer *t = trainer_of(c);
    Seen seen = {0};
    assert_false(trainer_run(t, watch, &seen, &err));
    assert_int_equal(err.code, ERR_NUMERIC);
    // The first update already leaves what is no number.
    assert_non_null(strstr(err.message, " at step "));
    assert_int_equal(access(f->checkpoint, F_OK), -1);
    trainer_free(t);
}

typedef struct {
    Seen seen;
    const Trainer *trainer;
} TestPoison;

/* The weights are poisoned while they are evaluated, after the epoch's last update. */
static TrainAnswer poison_evaluation(void *context, const TrainEvent *e)
{
    TestPoison *p = context;
    const ParamStore *params = trainer_params(p->trainer);
    if (e->step == 8)
        params->values[params_find(params, "3.bias")->offset] = NAN;
    return watch(&p->seen, e);
}

static void a_test_loss_that_is_no_number_is_no_success(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    TrainConfig c = small_training(f);
    c.epochs = 1;
    c.checkpoint_path = f->checkpoint;
    unlink(f->checkpoint);
    Trainer *t = trainer_of(c);
    TestPoison p = {.trainer = t};
    assert_false(trainer_run(t, poison_evaluation, &p, &err));
    assert_int_equal(err.code, ERR_NUMERIC);
    assert_non_null(strstr(err.message, "the loss on the test set became NaN at step 8"));
    assert_int_equal(p.seen.epochs, 0);
    assert_int_equal(access(f->checkpoint, F_OK), -1);
    trainer_free(t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_that_is_no_number_ends_it_at_that_step),
        cmocka_unit_test(a_loss_that_is_no_number_is_named),
        cmocka_unit_test(a_norm_that_overflows_ends_it),
        cmocka_unit_test(a_weight_that_overflows_ends_it),
        cmocka_unit_test(the_same_in_bf16),
        cmocka_unit_test(the_same_with_everything_on),
        cmocka_unit_test(a_rate_that_is_too_large_ends_it),
        cmocka_unit_test(a_test_loss_that_is_no_number_is_no_success),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
