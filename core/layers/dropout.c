#include "core/layers/dropout.h"

#include "core/base/invariant.h"
#include "core/kernels/dropout.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Dropout *c = config;
    if (!(c->rate >= 0 && c->rate < 1))
        return fail(err, ERR_INVALID, "rate must be 0 or more and below 1, got %g",
                    (double)c->rate);
    spec->dst = srcs[0];
    spec->evaluates_to_src = true;
    return true;
}

static DropoutMask mask_of(const Layer *l)
{
    const Dropout *c = l->node->config;
    return (DropoutMask){.rate = c->rate,
                         .key = philox_key(l->step->seed, l->node->name),
                         .step = l->step->step,
                         .first_example = l->step->first_example};
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    if (!l->training) {
        INVARIANT(l->dst == l->src[0]);
        return true;
    }
    const DropoutMask m = mask_of(l);
    dropout_apply(&m, l->dst, l->src[0]);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    const DropoutMask m = mask_of(l);
    dropout_apply(&m, l->diff_src[0], l->diff_dst[0]);
    return true;
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_data = backward_data,
};

const LayerType DROPOUT = {
    .name = "dropout", .config_bytes = sizeof(Dropout), .describe = describe, .ops = &OPS};

Node dropout(Graph *g, Node src, const char *name, Dropout c)
{
    return graph_add(g, name, &DROPOUT, &c, &src, 1);
}
