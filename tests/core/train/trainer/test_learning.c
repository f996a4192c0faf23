/* tests/core/train/trainer/test_learning.c -- trainings on real images arrive where they should.
 *
 * On one thread: a team would wait for its slowest member on a busy machine, at every layer. */
#include "core/train/trainer/trainer.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

static int setup(void **state)
{
    *state = first_pictures();
    return 0;
}

static int teardown(void **state)
{
    dataset_free(*state);
    return 0;
}

static TrainConfig config(const Dataset *dataset, Precision precision)
{
    return (TrainConfig){.model = models_find("googlenet_tiny"),
                         .library_only = true,
                         .dataset = dataset,
                         .image_size = 28,
                         .batch_size = 16,
                         .threads = 1,
                         .learning_rate = 0.05,
                         .optimizer = {.momentum = 0.9},
                         .precision = precision,
                         .seed = 11};
}

static TrainAnswer keep_last_epoch(void *context, const TrainEvent *e)
{
    if (e->type == TRAIN_EPOCH)
        *(TrainEvent *)context = *e;
    return TRAIN_GO_ON;
}

/* The event of the last epoch. */
static TrainEvent result_of(TrainConfig c)
{
    Error err = {0};
    Trainer *t = NULL;
    TrainEvent last = {0};
    CHECK_OK(trainer_new(&c, &t, &err), err);
    CHECK_OK(trainer_run(t, keep_last_epoch, &last, &err), err);
    trainer_free(t);
    return last;
}

static void one_batch_overfits(void **state)
{
    TrainConfig c = config(*state, PRECISION_F32);
    c.train_limit = 16;
    c.test_limit = 1;
    c.epochs = 300;
    const TrainEvent last = result_of(c);
    print_message("loss %g\n", last.loss);
    assert_true(last.loss < 0.05);  // ln 10 = 2.3 at the start
    CHECK_NEAR(last.accuracy, 1, 0);
}

static void real_images_are_learned(TrainConfig c)
{
    c.train_limit = 1600;
    c.test_limit = 300;
    c.epochs = 4;
    const TrainEvent last = result_of(c);
    print_message("test accuracy %g\n", last.test_accuracy);
    assert_true(last.test_accuracy > 0.4);  // an untrained net gives 0.1
    assert_true(last.test_top5_accuracy > 0.85);
}

static void real_images_are_learned_in_f32(void **state)
{
    real_images_are_learned(config(*state, PRECISION_F32));
}

static void real_images_are_learned_in_bf16(void **state)
{
    if (precision_resolve(PRECISION_AUTO) != PRECISION_BF16)
        skip();
    real_images_are_learned(config(*state, PRECISION_BF16));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_batch_overfits),
        cmocka_unit_test(real_images_are_learned_in_f32),
        cmocka_unit_test(real_images_are_learned_in_bf16),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
