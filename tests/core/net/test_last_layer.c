/* tests/core/net/test_last_layer.c -- a network may end with any layer, in bfloat16 too: the loss
 * reads float32. */
#include "core/base/numbers/rng.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/net/net.h"
#include "core/train/init.h"
#include "tests/check.h"

enum { CLASSES = 7, BATCH = 13 };

static Node end_with_linear(Graph *g, Node x)
{
    return linear(g, x, "end", (Linear){.out = CLASSES});
}

static Node end_with_conv(Graph *g, Node x)
{
    return conv(g, x, "end", (Conv){.out = CLASSES, .kernel = 4});
}

/* As NiN does. */
static Node end_with_average(Graph *g, Node x)
{
    x = conv(g, x, "classes", (Conv){.out = CLASSES, .kernel = 1});
    return global_avg_pool(g, x, "end");
}

static Node end_with_max(Graph *g, Node x)
{
    x = conv(g, x, "classes", (Conv){.out = CLASSES, .kernel = 1});
    return max_pool(g, x, "end", (Pool){.kernel = 4});
}

static Node end_with_relu(Graph *g, Node x)
{
    return relu(g, end_with_average(g, x), "relu");
}

static Node end_with_concat(Graph *g, Node x)
{
    const Node a = conv(g, x, "a", (Conv){.out = CLASSES - 2, .kernel = 4});
    const Node b = conv(g, x, "b", (Conv){.out = 2, .kernel = 4});
    return concat(g, "end", (Node[]){a, b}, 2);
}

/* The gradients' length and the loss of a step in one precision. */
static double step_of(Node (*end)(Graph *, Node), bool bf16, double *loss)
{
    Error err = {0};
    Graph *g = graph_new((Shape){3, 4, 4});
    Node x = conv(g, graph_input(g), "x", (Conv){.out = 8, .kernel = 3, .pad = 1, .relu = true});
    end(g, x);
    CHECK_OK(graph_check(g, &err), err);
    ParamStore *params = NULL;
    CHECK_OK(params_new(g, &params, &err), err);
    init_params(params, init_xavier_uniform, 3);
    Net *net = NULL;
    const NetConfig config = {.batch_size = BATCH, .bf16 = bf16};
    CHECK_OK(net_new(g, params, config, &net, &err), err);
    float images[BATCH * 3 * 4 * 4], logits[BATCH * CLASSES];
    int32_t labels[BATCH];
    Rng rng = rng_new(2, RNG_TEST, 0);
    for (size_t i = 0; i < COUNT(images); i++)
        images[i] = (float)rng_uniform(&rng);
    for (int i = 0; i < BATCH; i++)
        labels[i] = (int32_t)rng_below(&rng, CLASSES);
    Metrics sum = {0};
    CHECK_OK(net_train_batch(net, &(NetBatch){.images = images, .labels = labels, .count = BATCH},
                             &sum, &err),
             err);
    CHECK_OK(net_forward(net, images, BATCH, logits, &err), err);
    for (size_t i = 0; i < COUNT(logits); i++)
        assert_true(isfinite(logits[i]));
    double length = 0;
    for (size_t i = 0; i < params->count; i++)
        length += (double)params->grads[i] * (double)params->grads[i];
    *loss = metrics_loss(&sum);
    net_free(net);
    params_free(params);
    graph_free(g);
    return sqrt(length);
}

static void any_layer_may_be_the_last(void **state)
{
    (void)state;
    Node (*const ends[])(Graph *, Node) = {end_with_linear, end_with_conv, end_with_average,
                                           end_with_max,    end_with_relu, end_with_concat};
    for (size_t i = 0; i < COUNT(ends) && net_bf16_is_fast(); i++) {
        double exact_loss = 0, loss = 0;
        const double exact = step_of(ends[i], false, &exact_loss);
        const double length = step_of(ends[i], true, &loss);
        assert_true(exact > 0);
        CHECK_NEAR(loss, exact_loss, 0.02 * exact_loss);
        CHECK_NEAR(length, exact, 0.1 * exact);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_layer_may_be_the_last),
    };
    return RUN_TESTS(tests);
}
