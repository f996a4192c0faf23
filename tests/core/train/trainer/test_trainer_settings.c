/* tests/core/train/trainer/test_trainer_settings.c -- the trainer does what a plain loop over the
 * same settings does, bit by bit: no setting is lost on its way, and no rate comes a step late. */
#include "core/base/threads/team.h"
#include "core/data/loader/loader.h"
#include "core/net/net.h"
#include "core/train/init.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

/* What a training leaves behind. */
typedef struct {
    float *values;
    size_t count;
    double loss, accuracy;            // of the last epoch's training
    double test_loss, test_accuracy;  // after it
} Outcome;

/* The d2l.ai chapter's loop, written down again. */
typedef struct {
    Graph *graph;
    ParamStore *params;
    Net *net;
    Loader *train, *test;
    float *sums;     // gradients of the batches of a step
    float *average;  // of the trained weights
    int64_t step, epoch_steps;
} Loop;

static Normalization normalization_of(const TrainConfig *c)
{
    int32_t examples[1000];
    for (int i = 0; i < c->train_limit; i++)
        examples[i] = i;
    return c->normalization_type == NORMALIZATION_MEASURED ? normalization_measure(
               &c->dataset->train, c->dataset->image, examples, c->train_limit)
                                                           : c->normalization;
}

/* n / (classes * n of the class), every class having some. */
static const double *weights_of(const TrainConfig *c)
{
    static double weights[10];
    int counts[10] = {0};
    for (int i = 0; i < c->train_limit; i++)
        counts[c->dataset->train.labels[i]]++;
    for (int k = 0; k < 10; k++)
        weights[k] = c->train_limit / (10.0 * counts[k]);
    return c->class_weights == CLASS_WEIGHTS_BALANCED ? weights : NULL;
}

static NetConfig net_config(const TrainConfig *c)
{
    return (NetConfig){.batch_size = c->batch_size,
                       .bf16 = precision_resolve(c->precision) == PRECISION_BF16,
                       .label_smoothing = c->label_smoothing,
                       .class_weights = weights_of(c)};
}

static Loop loop_new(const TrainConfig *c)
{
    Error err = {0};
    team_start(c->threads);
    Loop l = {.graph = model_graph(c->model, (Shape){1, c->image_size, c->image_size}, 10, &err)};
    CHECK_OK(params_new(l.graph, &l.params, &err), err);
    CHECK_OK(optimizer_need_slots(&c->optimizer, l.params, &err), err);
    l.sums = xcalloc(l.params->trained_count, sizeof *l.sums);
    l.average = xcalloc(l.params->trained_count, sizeof *l.average);
    init_params(l.params, init_xavier_uniform, c->seed);
    CHECK_OK(net_new(l.graph, l.params, net_config(c), &l.net, &err), err);
    const LoaderConfig train = {.batch_size = c->batch_size,
                                .image_size = c->image_size,
                                .progressive = c->progressive,
                                .augmentation = c->augmentation,
                                .normalization = normalization_of(c),
                                .limit = c->train_limit,
                                .shuffle = true,
                                .seed = c->seed};
    const LoaderConfig test = {.batch_size = c->batch_size,
                               .image_size = c->image_size,
                               .normalization = normalization_of(c),
                               .limit = c->test_limit};
    CHECK_OK(loader_new(c->dataset, &c->dataset->train, train, &l.train, &err), err);
    CHECK_OK(loader_new(c->dataset, &c->dataset->test, test, &l.test, &err), err);
    const int64_t batches = loader_batches_per_epoch(l.train);
    const int n = c->accumulation > 0 ? c->accumulation : 1;
    l.epoch_steps = (batches + n - 1) / n;
    return l;
}

static void loop_free(Loop *l)
{
    loader_free(l->train);
    loader_free(l->test);
    net_free(l->net);
    params_free(l->params);
    free(l->sums);
    free(l->average);
    graph_free(l->graph);
}

static double rate_of(const TrainConfig *c, int64_t step, int64_t epoch_steps)
{
    const int64_t steps = c->epochs * epoch_steps;
    const double x = (double)step / (double)steps;
    const double warm = c->schedule.warmup_epochs * (double)epoch_steps;
    if ((double)step < warm)
        return c->learning_rate * (double)step / warm;
    return c->schedule.type == SCHEDULE_COSINE ? c->learning_rate * (1 + cos(acos(-1) * x)) / 2
                                               : c->learning_rate;
}

/* Examples of the step that begins with example `first` of an epoch. */
static int step_examples(const TrainConfig *c, int first)
{
    const int left = c->train_limit - first;
    const int most = c->batch_size * (c->accumulation > 0 ? c->accumulation : 1);
    return left < most ? left : most;
}

/* Adds the batch's share to the step's gradients. */
static void loop_add_grads(const Loop *l, int examples, int all)
{
    const float weight = (float)((double)examples / all);
    for (size_t i = 0; i < l->params->trained_count; i++)
        l->sums[i] = l->sums[i] + weight * l->params->grads[i];
}

static void loop_average(const Loop *l, const TrainConfig *c)
{
    const double n = (double)l->step, warm = (1 + n) / (10 + n);
    const double decay = c->ema.warmup && warm < c->ema.decay ? warm : c->ema.decay;
    for (size_t i = 0; i < l->params->trained_count; i++)
        l->average[i] =
            l->step == 0
                ? l->params->values[i]
                : l->average[i] + (float)(1 - decay) * (l->params->values[i] - l->average[i]);
}

static void loop_update(Loop *l, const TrainConfig *c)
{
    const size_t count = l->params->trained_count;
    double squares = 0, scale = 1;
    memcpy(l->params->grads, l->sums, count * sizeof *l->sums);
    memset(l->sums, 0, count * sizeof *l->sums);
    for (size_t i = 0; i < count; i++)
        squares += (double)l->params->grads[i] * (double)l->params->grads[i];
    if (c->clip_norm > 0 && sqrt(squares) > c->clip_norm)
        scale = c->clip_norm / (sqrt(squares) + 1e-6);
    const UpdateStep how = {
        .learning_rate = rate_of(c, l->step, l->epoch_steps), .step = l->step, .grad_scale = scale};
    optimizer_update(&c->optimizer, how, l->params);
    loop_average(l, c);
    net_params_changed(l->net);
    l->step++;
}

/* By a net made for this batch alone. */
static void train_other_size(const Loop *l, const TrainConfig *c, const NetBatch *batch, int size,
                             Metrics *part)
{
    Error err = {0};
    Net *net = NULL;
    Graph *g = model_graph(c->model, (Shape){1, size, size}, 10, &err);
    CHECK_OK(net_new(g, l->params, net_config(c), &net, &err), err);
    CHECK_OK(net_train_batch(net, batch, part, &err), err);
    net_free(net);
    graph_free(g);
}

static Metrics loop_epoch(Loop *l, const TrainConfig *c)
{
    Error err = {0};
    Metrics sum = {0};
    int seen = 0;
    while (seen < c->train_limit) {
        const int all = step_examples(c, seen);
        Metrics part = {0};
        for (int left = all; left > 0;) {
            const Batch *b = loader_next(l->train);
            const NetBatch batch = {.images = b->images,
                                    .labels = b->labels,
                                    .mixed_labels = b->mixed_labels,
                                    .share = b->share,
                                    .count = b->count};
            if (b->image_size == c->image_size)
                CHECK_OK(net_train_batch(l->net, &batch, &part, &err), err);
            else
                train_other_size(l, c, &batch, b->image_size, &part);
            loop_add_grads(l, b->count, all);
            left -= b->count;
            seen += b->count;
        }
        loop_update(l, c);
        metrics_add(&sum, &part);
    }
    return sum;
}

static Metrics loop_test(const Loop *l)
{
    Error err = {0};
    Metrics sum = {0};
    for (bool last = false; !last;) {
        const Batch *b = loader_next(l->test);
        CHECK_OK(net_evaluate_batch(
                     l->net,
                     &(NetBatch){.images = b->images, .labels = b->labels, .count = b->count}, &sum,
                     &err),
                 err);
        last = b->last;
    }
    return sum;
}

static Outcome by_loop(const TrainConfig *c)
{
    Loop l = loop_new(c);
    Metrics train = {0};
    for (int epoch = 0; epoch < c->epochs; epoch++)
        train = loop_epoch(&l, c);
    if (c->ema.decay > 0)
        memcpy(l.params->values, l.average, l.params->trained_count * sizeof *l.average);
    net_params_changed(l.net);
    const Metrics test = loop_test(&l);
    Outcome o = {.count = l.params->count,
                 .loss = metrics_loss(&train),
                 .accuracy = metrics_accuracy(&train),
                 .test_loss = metrics_loss(&test),
                 .test_accuracy = metrics_accuracy(&test)};
    o.values = xcalloc(o.count, sizeof *o.values);
    memcpy(o.values, l.params->values, o.count * sizeof *o.values);
    loop_free(&l);
    return o;
}

/* Returns the loss on the test set. */
static double check_equal_to_the_loop(const TrainConfig *c, const char *name)
{
    Outcome want = by_loop(c);
    Seen seen = {0};
    size_t count;
    float *got = model_after(*c, &seen, &count);
    assert_int_equal(count, want.count);
    if (memcmp(got, want.values, count * sizeof *got) != 0)
        fail_msg("with %s the weights are others", name);
    assert_int_equal(seen.examples, c->epochs * c->train_limit);
    assert_true(seen.last_epoch.loss == want.loss);
    assert_true(seen.last_epoch.accuracy == want.accuracy);
    assert_true(seen.last_epoch.test_loss == want.test_loss);
    assert_true(seen.last_epoch.test_accuracy == want.test_accuracy);
    const int64_t steps = seen.last_epoch.total_steps;
    CHECK_NEAR(seen.last_epoch.learning_rate, rate_of(c, steps - 1, steps / c->epochs), 1e-12);
    free(got);
    free(want.values);
    return want.test_loss;
}

/* Half of small_training in pictures, with as many steps, the last of each epoch a smaller one. */
static TrainConfig half_training(const TrainerFixture *f)
{
    TrainConfig c = small_training(f);
    c.batch_size = 8;
    c.train_limit = 60;
    c.test_limit = 25;
    return c;
}

/* All that is not on by itself. */
static TrainConfig everything_on(const TrainConfig *plain)
{
    TrainConfig c = *plain;
    c.optimizer = (Optimizer){OPTIMIZER_ADAMW, .beta1 = 0.9,         .beta2 = 0.99,
                              .epsilon = 1e-8, .weight_decay = 0.02, .weights_only = true};
    c.learning_rate = 0.002;
    c.clip_norm = 0.5;
    c.accumulation = 2;
    c.ema = (Averaging){.decay = 0.95, .warmup = true};
    c.label_smoothing = 0.1;
    c.class_weights = CLASS_WEIGHTS_BALANCED;
    c.loader_threads = 3;
    return c;
}

/* One setting at a time is another than in half_training; all of them matter. */
static void every_setting_arrives(void **state)
{
    const TrainConfig plain = half_training(*state);
    enum { CASES = 21 };
    TrainConfig c[CASES];
    static const char *const NAMES[CASES] = {"no setting changed",
                                             "another seed",
                                             "a cosine",
                                             "label smoothing",
                                             "weight decay",
                                             "no momentum",
                                             "Nesterov",
                                             "another rate",
                                             "other limits",
                                             "another batch size",
                                             "three epochs",
                                             "a larger image",
                                             "AdamW",
                                             "decay of weights alone",
                                             "clipping",
                                             "steps of three batches",
                                             "a moving average",
                                             "one that warms up",
                                             "a warm-up",
                                             "class weights",
                                             "all of them"};
    for (int i = 0; i < CASES; i++)
        c[i] = plain;
    c[1].seed = 12;
    c[2].schedule.type = SCHEDULE_COSINE;
    c[3].label_smoothing = 0.2;
    c[4].optimizer.weight_decay = 0.01;
    c[5].optimizer = (Optimizer){0};
    c[6].optimizer.nesterov = true;
    c[7].learning_rate = 0.01;
    c[8].train_limit = 37;
    c[8].test_limit = 17;
    c[9].batch_size = 7;
    c[10].epochs = 3;
    c[11].image_size = 32;
    const Optimizer adamw = {OPTIMIZER_ADAMW, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
    c[12].optimizer = adamw;
    c[12].learning_rate = 0.003;
    c[13].optimizer.weight_decay = 0.01;
    c[13].optimizer.weights_only = true;
    c[14].clip_norm = 0.1;
    c[15].accumulation = 3;  // 60 examples in batches of 8: the last step has 2, of 12
    c[16].ema.decay = 0.9;
    c[17].ema = (Averaging){.decay = 0.9, .warmup = true};
    c[18].schedule.warmup_epochs = 0.5;
    c[19].class_weights = CLASS_WEIGHTS_BALANCED;
    c[20] = everything_on(&plain);
    double losses[CASES];
    for (int i = 0; i < CASES; i++) {
        losses[i] = check_equal_to_the_loop(&c[i], NAMES[i]);
        // The setting must be one that shows.
        for (int j = 0; j < i; j++)
            if (losses[j] == losses[i])
                fail_msg("%s gives the same as %s", NAMES[i], NAMES[j]);
    }
}

static void every_setting_of_pictures_arrives(void **state)
{
    const TrainConfig plain = half_training(*state);
    enum { CASES = 10 };
    TrainConfig c[CASES];
    static const char *const NAMES[CASES] = {
        "no setting changed",       "crop padding",  "resized crops", "random flips",
        "alternating flips",        "erasing",       "mixup",         "a given normalisation",
        "a measured normalisation", "growing images"};
    for (int i = 0; i < CASES; i++)
        c[i] = plain;
    c[1].augmentation.crop_padding = 2;
    c[2].augmentation.resized_crop = (ResizedCrop){true, {0.3, 0.9}, {0.75, 1.5}};
    c[3].augmentation.flip = FLIP_RANDOM;
    c[4].augmentation.flip = FLIP_ALTERNATE;
    c[5].augmentation.erasing = (Erasing){0.5, {0.1, 0.3}, {0.3, 3}};
    c[6].augmentation.mixup = 0.5;
    c[7].normalization_type = NORMALIZATION_GIVEN;
    c[7].normalization = (Normalization){1, {0.3}, {0.4}};
    c[8].normalization_type = NORMALIZATION_MEASURED;
    c[9].progressive = (Progressive){.from = 20, .until_epoch = 1, .step = 4};
    double losses[CASES];
    for (int i = 0; i < CASES; i++) {
        losses[i] = check_equal_to_the_loop(&c[i], NAMES[i]);
        for (int j = 0; j < i; j++)
            if (losses[j] == losses[i])
                fail_msg("%s gives the same as %s", NAMES[i], NAMES[j]);
    }
}

static void the_settings_arrive_in_bf16(void **state)
{
    if (precision_resolve(PRECISION_AUTO) != PRECISION_BF16)
        skip();
    TrainConfig c = half_training(*state);
    c.precision = PRECISION_BF16;
    c.schedule.type = SCHEDULE_COSINE;
    c.label_smoothing = 0.1;
    check_equal_to_the_loop(&c, "bf16");
}

/* What a resumed training has left to do is no other than what an unbroken one does there, wherever
 * it was stopped: between steps, within one, between two batches of one, in the evaluation. */
static void the_settings_arrive_after_a_resume(void **state)
{
    const TrainerFixture *f = *state;
    const TrainConfig plain = half_training(f);
    TrainConfig c[3] = {plain, everything_on(&plain), everything_on(&plain)};
    c[0].schedule.type = SCHEDULE_COSINE;
    c[0].label_smoothing = 0.1;
    c[0].optimizer = (Optimizer){.momentum = 0.8, .nesterov = true, .weight_decay = 0.001};
    c[0].augmentation = (Augmentation){.crop_padding = 2,
                                       .resized_crop = {true, {0.3, 0.9}, {0.75, 1.5}},
                                       .flip = FLIP_ALTERNATE,
                                       .erasing = {0.5, {0.1, 0.3}, {0.3, 3}},
                                       .mixup = 0.5};
    c[0].progressive = (Progressive){.from = 20, .until_epoch = 2, .step = 4};
    c[0].normalization_type = NORMALIZATION_MEASURED;
    c[2].augmentation = c[0].augmentation;
    c[2].accumulation = 3;
    const Seen stops[] = {{.stop_at_step = 5},
                          {.stop_at_part = 1},
                          {.stop_at_part = 2},
                          {.stop_at_part = 5},
                          {.stop_at_part = 6}};
    for (size_t i = 0; i < COUNT(c); i++) {
        c[i].checkpoint_path = f->checkpoint;
        Outcome want = by_loop(&c[i]);
        for (size_t s = 0; s < COUNT(stops); s++) {
            Seen first = stops[s], second = {0};
            size_t count;
            run_until_stopped(c[i], &first);
            float *got = model_after(resumed(c[i], f), &second, &count);
            if (memcmp(got, want.values, count * sizeof *got) != 0)
                fail_msg("case %zu, stop %zu: the weights are others", i, s);
            assert_true(second.last_epoch.loss == want.loss);
            assert_true(second.last_epoch.test_loss == want.test_loss);
            free(got);
        }
        free(want.values);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_arrives),
        cmocka_unit_test(every_setting_of_pictures_arrives),
        cmocka_unit_test(the_settings_arrive_in_bf16),
        cmocka_unit_test(the_settings_arrive_after_a_resume),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
