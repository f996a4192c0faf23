/* tests/core/models/test_golden.c -- small networks against PyTorch, by the committed values that
 * tests/golden/reference.py wrote: logits, loss, every gradient of the first step, the running
 * statistics that two steps leave behind, ten losses. googlenet_tiny has the chapter's blocks,
 * blocks_tiny those of the later papers.
 *
 * Tensors agree when max |ours - theirs| <= 1e-4 * max |theirs|, in float32. */
#include <stdio.h>

#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/models/blocks_2016.h"
#include "core/models/models.h"
#include "core/net/net.h"
#include "core/net/rewrites.h"
#include "core/train/files/safetensors.h"
#include "core/train/optim/optimizer.h"
#include "tests/check.h"

enum { SIDE = 28, CLASSES = 10, BATCH = 7, BATCHES = 3, STEPS = 10 };
#define TOLERANCE 1e-4

// clang-format off
static Node blocks_tiny(Graph *g, Node x, ModelOptions o)
{
    x = conv_bn_relu(g, x, "0", (Conv){.out = 8, .kernel = 5, .stride = 2, .pad = 2});
    x = inception_bn(g, x, "1.0", o, (Inception){4, {4, 8}, {2, 4}, 4});
    x = inception_residual(g, x, "1.1", o, (Inception){4, {4, 6}, {4, 6}, 4});
    x = inception_3x3s(g, x, "1.2", o, (Inception){4, {4, 8}, {4, 6}, 6});
    x = reduction(g, x, "1.3", (Reduction){{4, 8}, {4, 4}});
    x = inception_pairs(g, x, "1.4", o, (Inception){8, {4, 8}, {4, 8}, 8});
    x = inception_wide(g, x, "1.5", o, (Inception){8, {6, 8}, {6, 8}, 8});
    x = global_avg_pool(g, x, "1.6");
    return linear(g, x, "2", (Linear){.out = o.classes});
}
// clang-format on

static const Model BLOCKS_TINY = {.name = "blocks_tiny", .build = blocks_tiny, .image_size = SIDE};

typedef struct {
    SafeFile *file;
    Graph *graph;
    ParamStore *params;
    Net *net;
} Golden;

static size_t numbers_of(const SafeTensor *t)
{
    size_t count = 1;
    for (int d = 0; d < t->dim_count; d++)
        count *= (size_t)t->dims[d];
    return count;
}

/* A tensor of the file, which must be there with `count` numbers. */
static const float *theirs(const Golden *g, const char *name, size_t count)
{
    const SafeTensor *t = safetensors_find(g->file, name);
    if (!t)
        fail_msg("no %s in the golden file", name);
    assert_int_equal(numbers_of(t), count);
    return t->data;
}

/* The network with the values that PyTorch started from; counters start at 0 there and here. */
static Golden golden_new(const Model *model, NetConfig config)
{
    Error err = {0};
    Golden g = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/golden/%s.safetensors", TESTS_DIR, model->name);
    CHECK_OK(safetensors_open(path, &g.file, &err), err);
    g.graph = model_graph(model, (Shape){1, SIDE, SIDE}, CLASSES, &err);
    if (!g.graph)
        fail_msg("%s", err.message);
    CHECK_OK(params_new(g.graph, &g.params, &err), err);
    for (int i = 0; i < g.params->param_count; i++) {
        const Param *p = &g.params->params[i];
        if (p->role != ROLE_COUNTER)
            memcpy(g.params->values + p->offset, theirs(&g, p->name, p->count),
                   p->count * sizeof(float));
    }
    config.batch_size = BATCH;
    CHECK_OK(net_new(g.graph, g.params, config, &g.net, &err), err);
    return g;
}

static void golden_free(Golden *g)
{
    net_free(g->net);
    params_free(g->params);
    graph_free(g->graph);
    safetensors_close(g->file);
}

/* One forward and backward pass over batch k; the mean loss. */
static double train(const Golden *g, int k)
{
    Error err = {0};
    char name[32];
    int32_t labels[BATCH];
    snprintf(name, sizeof name, "labels.%d", k);
    const float *numbers = theirs(g, name, BATCH);
    for (int i = 0; i < BATCH; i++)
        labels[i] = (int32_t)numbers[i];
    snprintf(name, sizeof name, "images.%d", k);
    const float *images = theirs(g, name, (size_t)BATCH * SIDE * SIDE);
    Metrics sum = {0};
    CHECK_OK(net_train_batch(g->net,
                             &(NetBatch){.images = images, .labels = labels, .count = BATCH}, &sum,
                             &err),
             err);
    return metrics_loss(&sum);
}

static double largest(const float *numbers, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)numbers[i]));
    return most;
}

static void check_within(const char *name, const float *got, const float *want, size_t count,
                         double scale)
{
    double gap = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(isfinite(got[i]));
        gap = fmax(gap, fabs((double)got[i] - (double)want[i]));
    }
    assert_true(scale > 0);
    if (gap > TOLERANCE * scale)
        fail_msg("%s differs by %.3g of its largest number", name, gap / scale);
}

static void check_agrees(const char *name, const float *got, const float *want, size_t count)
{
    check_within(name, got, want, count, largest(want, count));
}

/* A shift that a later normalisation takes out again has next to no gradient: what is noise in it
 * is measured by the gradient of the scale, which comes before it. */
static void check_gradient(const Golden *g, int i)
{
    const Param *p = &g->params->params[i];
    char name[GRAPH_MAX_NAME + 16], scale_name[GRAPH_MAX_NAME + 16];
    snprintf(name, sizeof name, "grad.%s", p->name);
    const float *want = theirs(g, name, p->count);
    double scale = largest(want, p->count);
    if (p->role == ROLE_SHIFT) {
        snprintf(scale_name, sizeof scale_name, "grad.%s", p[-1].name);
        scale = fmax(scale, largest(theirs(g, scale_name, p->count), p->count));
    }
    check_within(name, g->params->grads + p->offset, want, p->count, scale);
}

static void check_logits(const Golden *g, const char *name)
{
    Error err = {0};
    float logits[BATCH * CLASSES];
    const float *images = theirs(g, "images.0", (size_t)BATCH * SIDE * SIDE);
    CHECK_OK(net_forward(g->net, images, BATCH, logits, &err), err);
    check_agrees(name, logits, theirs(g, name, COUNT(logits)), COUNT(logits));
}

static void check_first_step(const Model *model, NetConfig config)
{
    Golden g = golden_new(model, config);
    check_logits(&g, "logits");
    const float loss = (float)train(&g, 0);
    check_agrees("loss", &loss, theirs(&g, "loss", 1), 1);
    for (int i = 0; i < g.params->param_count; i++) {
        if (role_is_trained(g.params->params[i].role))
            check_gradient(&g, i);
    }
    golden_free(&g);
}

static void googlenet_first_step(void **state)
{
    (void)state;
    check_first_step(models_find("googlenet_tiny"), (NetConfig){0});
}

static void googlenet_first_step_in_micro_batches_without_folding(void **state)
{
    (void)state;
    check_first_step(models_find("googlenet_tiny"),
                     (NetConfig){.micro_batch = 3, .without = REWRITE_NO_FOLD_RELU});
}

static void googlenet_first_step_without_merging(void **state)
{
    (void)state;
    check_first_step(models_find("googlenet_tiny"),
                     (NetConfig){.without = REWRITE_NO_MERGE_SIBLINGS});
}

static void blocks_first_step(void **state)
{
    (void)state;
    check_first_step(&BLOCKS_TINY, (NetConfig){0});
}

static void blocks_first_step_as_written(void **state)
{
    (void)state;
    check_first_step(&BLOCKS_TINY, (NetConfig){.without = ~0u});
}

/* Two steps of plain SGD at 0.01 on batch 0. */
static void two_steps_leave_the_statistics_behind(void **state)
{
    (void)state;
    Golden g = golden_new(&BLOCKS_TINY, (NetConfig){0});
    for (int step = 0; step < 2; step++) {
        train(&g, 0);
        optimizer_update(&(Optimizer){0}, (UpdateStep){.learning_rate = 0.01, .grad_scale = 1},
                         g.params);
        net_params_changed(g.net);
    }
    int statistics = 0;
    for (int i = 0; i < g.params->param_count; i++) {
        const Param *p = &g.params->params[i];
        char name[GRAPH_MAX_NAME + 16];
        snprintf(name, sizeof name, "after.%s", p->name);
        if (p->role == ROLE_COUNTER)
            assert_int_equal(g.params->counters[p->offset], 2);
        if (p->role != ROLE_MEAN && p->role != ROLE_VARIANCE)
            continue;
        check_agrees(name, g.params->values + p->offset, theirs(&g, name, p->count), p->count);
        statistics++;
    }
    assert_int_equal(statistics, 2 * 44);
    check_logits(&g, "after.logits");
    golden_free(&g);
}

static void check_losses(const Model *model, const char *name, Optimizer sgd, double learning_rate)
{
    Error err = {0};
    Golden g = golden_new(model, (NetConfig){0});
    const float *want = theirs(&g, name, STEPS);
    if (sgd.momentum > 0)
        CHECK_OK(params_need_slot(g.params, SLOT_MOMENTUM, &err), err);
    for (int step = 0; step < STEPS; step++) {
        CHECK_NEAR(train(&g, step % BATCHES), want[step], TOLERANCE * (double)want[step]);
        optimizer_update(&sgd, (UpdateStep){.learning_rate = learning_rate, .grad_scale = 1},
                         g.params);
        net_params_changed(g.net);
    }
    golden_free(&g);
}

static const Optimizer MOMENTUM = {.momentum = 0.9, .nesterov = true, .weight_decay = 0.02};

static void ten_losses_agree(void **state)
{
    (void)state;
    check_losses(models_find("googlenet_tiny"), "losses.sgd", (Optimizer){0}, 0.1);
    check_losses(&BLOCKS_TINY, "losses.sgd", (Optimizer){0}, 0.1);
}

static void ten_losses_agree_with_momentum_and_decay(void **state)
{
    (void)state;
    check_losses(models_find("googlenet_tiny"), "losses.momentum", MOMENTUM, 0.05);
    check_losses(&BLOCKS_TINY, "losses.momentum", MOMENTUM, 0.05);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(googlenet_first_step),
        cmocka_unit_test(googlenet_first_step_without_merging),
        cmocka_unit_test(googlenet_first_step_in_micro_batches_without_folding),
        cmocka_unit_test(blocks_first_step),
        cmocka_unit_test(blocks_first_step_as_written),
        cmocka_unit_test(two_steps_leave_the_statistics_behind),
        cmocka_unit_test(ten_losses_agree),
        cmocka_unit_test(ten_losses_agree_with_momentum_and_decay),
    };
    return RUN_TESTS(tests);
}
