/* tests/core/train/trainer/test_trainer_networks.c -- each network of the table, stopped within its
 * first epoch and continued, ends with the bits of the training that nothing stopped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/models/models.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

/* The large networks, whose layers are those of the others, take most of the time: they are trained
 * in one precision. Under sanitizers that is minutes: $LARGEST_NETWORK, in parameters, leaves them
 * out. */
enum { LARGE = 12000000 };

static int64_t largest_network(void)
{
    const char *text = getenv("LARGEST_NETWORK");
    return text ? atoll(text) : INT64_MAX;
}

/* Large enough for normalisation to see more than one pixel at the end of most networks. The step
 * after the stop takes the momentum, the running statistics and the draws of the one before it. */
enum { LEAST_SIZE = 32, STEPS = 2, STOP_AT = 1, BATCH = 4 };

static TrainConfig training_of(const TrainerFixture *f, const Model *model, Precision precision)
{
    const int smallest = model_smallest_image(model, 1);
    TrainConfig c = small_training(f);
    c.model = model;
    c.image_size = smallest > LEAST_SIZE ? smallest : LEAST_SIZE;
    c.precision = precision;
    c.epochs = 1;
    c.batch_size = BATCH;
    c.train_limit = STEPS * BATCH;
    c.test_limit = BATCH;
    c.learning_rate = 0.001F;
    return c;
}

static void check_network(const TrainerFixture *f, const Model *model, Precision precision)
{
    const TrainConfig c = training_of(f, model, precision);
    Seen whole = {0}, first = {.stop_at_step = STOP_AT}, second = {0};
    size_t count, count_again;
    float *want = values_after(c, &whole, &count);
    assert_int_equal(whole.end.step, STEPS);

    TrainConfig stopped = c;
    stopped.checkpoint_path = f->checkpoint;
    run_until_stopped(stopped, &first);
    TrainConfig again = resumed(c, f);
    again.checkpoint_path = NULL;  // its file would be as large, and nobody reads it
    float *got = values_after(again, &second, &count_again);
    assert_int_equal(second.resumed, 1);
    assert_int_equal(second.end.step, STEPS);
    assert_int_equal(count_again, count);
    if (memcmp(got, want, count * sizeof *got) != 0)
        fail_msg("%s in %s: other bits after a stop", model->name, PRECISION_NAMES[precision]);
    free(want);
    free(got);
}

static int64_t parameters_of(const Model *model, int image_size)
{
    Error err = {0};
    Graph *g = model_graph(model, (Shape){1, image_size, image_size}, 10, &err);
    CHECK_OK(g, err);
    const int64_t count = graph_parameter_count(g);
    graph_free(g);
    return count;
}

static void check_all(const TrainerFixture *f, Precision precision, int64_t largest)
{
    size_t count;
    const Model *models = models_table(&count);
    for (size_t i = 0; i < count; i++) {
        const int image_size = training_of(f, &models[i], precision).image_size;
        if (parameters_of(&models[i], image_size) <= largest)
            check_network(f, &models[i], precision);
    }
}

static void every_network_continues_in_f32(void **state)
{
    const int64_t largest = largest_network();
    check_all(*state, PRECISION_F32, net_bf16_is_fast() && largest > LARGE ? LARGE : largest);
}

static void every_network_continues_in_bf16(void **state)
{
    if (!net_bf16_is_fast())
        skip();
    check_all(*state, PRECISION_BF16, largest_network());
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_network_continues_in_f32),
        cmocka_unit_test(every_network_continues_in_bf16),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
