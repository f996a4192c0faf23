/* tests/core/models/test_golden.c -- googlenet_tiny against PyTorch, by the committed values that
 * tests/golden/reference.py wrote: logits, loss, every gradient of the first step, ten losses.
 *
 * Tensors agree when max |ours - theirs| <= 1e-4 * max |theirs|, in float32. */
#include <stdio.h>

#include "core/models/models.h"
#include "core/net/net.h"
#include "core/net/rewrites.h"
#include "core/train/optim/optimizer.h"
#include "core/train/safetensors.h"
#include "tests/check.h"

enum { SIDE = 28, CLASSES = 10, BATCH = 7, BATCHES = 3, STEPS = 10 };
#define TOLERANCE 1e-4

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

/* The network with the weights that PyTorch started from. */
static Golden golden_new(NetConfig config)
{
    Error err = {0};
    Golden g = {0};
    CHECK_OK(safetensors_open(TESTS_DIR "/golden/googlenet_tiny.safetensors", &g.file, &err), err);
    g.graph = model_graph(models_find("googlenet_tiny"), (Shape){1, SIDE, SIDE}, CLASSES, &err);
    assert_non_null(g.graph);
    CHECK_OK(params_new(g.graph, &g.params, &err), err);
    for (int i = 0; i < g.params->param_count; i++) {
        const Param *p = &g.params->params[i];
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

static void check_agrees(const char *name, const float *got, const float *want, size_t count)
{
    double gap = 0, scale = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(isfinite(got[i]));
        gap = fmax(gap, fabs((double)got[i] - (double)want[i]));
        scale = fmax(scale, fabs((double)want[i]));
    }
    assert_true(scale > 0);
    if (gap > TOLERANCE * scale)
        fail_msg("%s differs by %.3g of its largest number", name, gap / scale);
}

static void logits_agree(void **state)
{
    (void)state;
    Error err = {0};
    Golden g = golden_new((NetConfig){0});
    float logits[BATCH * CLASSES];
    const float *images = theirs(&g, "images.0", (size_t)BATCH * SIDE * SIDE);
    CHECK_OK(net_forward(g.net, images, BATCH, logits, &err), err);
    check_agrees("logits", logits, theirs(&g, "logits", COUNT(logits)), COUNT(logits));
    golden_free(&g);
}

static void check_first_step(NetConfig config)
{
    Golden g = golden_new(config);
    const float loss = (float)train(&g, 0);
    check_agrees("loss", &loss, theirs(&g, "loss", 1), 1);
    for (int i = 0; i < g.params->param_count; i++) {
        const Param *p = &g.params->params[i];
        char name[GRAPH_MAX_NAME + 16];
        snprintf(name, sizeof name, "grad.%s", p->name);
        check_agrees(name, g.params->grads + p->offset, theirs(&g, name, p->count), p->count);
    }
    golden_free(&g);
}

static void first_step_agrees(void **state)
{
    (void)state;
    check_first_step((NetConfig){0});
}

static void first_step_agrees_in_micro_batches_without_folding(void **state)
{
    (void)state;
    check_first_step((NetConfig){.micro_batch = 3, .without = REWRITE_NO_FOLD_RELU});
}

static void first_step_agrees_without_merging(void **state)
{
    (void)state;
    check_first_step((NetConfig){.without = REWRITE_NO_MERGE_SIBLINGS});
}

static void check_losses(const char *name, Optimizer sgd, double learning_rate)
{
    Error err = {0};
    Golden g = golden_new((NetConfig){0});
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

static void ten_losses_agree(void **state)
{
    (void)state;
    check_losses("losses.sgd", (Optimizer){0}, 0.1);
}

static void ten_losses_agree_with_momentum_and_decay(void **state)
{
    (void)state;
    check_losses("losses.momentum",
                 (Optimizer){.momentum = 0.9, .nesterov = true, .weight_decay = 0.02}, 0.05);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_agree),
        cmocka_unit_test(first_step_agrees),
        cmocka_unit_test(first_step_agrees_without_merging),
        cmocka_unit_test(first_step_agrees_in_micro_batches_without_folding),
        cmocka_unit_test(ten_losses_agree),
        cmocka_unit_test(ten_losses_agree_with_momentum_and_decay),
    };
    return RUN_TESTS(tests);
}
