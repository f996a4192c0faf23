#include "core/layers/fork.h"

#include <assert.h>

#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)config, (void)src_count, (void)err;
    spec->dst = srcs[0];
    spec->dst_is_src = true;
    return true;
}

static bool create(Layer *l, Error *err)
{
    (void)l, (void)err;
    return true;
}

static bool forward(Layer *l, Error *err)
{
    (void)l, (void)err;
    return true;  // dst is src
}

/* Numbers that are summed at a time, so that the sum stays in the first-level cache. */
enum { BLOCK = 2048 };

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    assert(l->diff_src[0]->type == dnnl_f32);
    const size_t count = tensor_count(l->diff_src[0]);
    const size_t blocks = (count + BLOCK - 1) / BLOCK;
    float *restrict sum = l->diff_src[0]->data;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++) {
        const size_t first = b * BLOCK, end = first + BLOCK < count ? first + BLOCK : count;
        const float *restrict part = l->diff_dst[0]->data;
        for (size_t i = first; i < end; i++)
            sum[i] = part[i];
        for (int k = 1; k < l->diff_dst_count; k++) {
            part = l->diff_dst[k]->data;
            for (size_t i = first; i < end; i++)
                sum[i] += part[i];
        }
    }
    return true;
}

static void destroy(Layer *l)
{
    (void)l;
}

static const LayerOps OPS = {
    .create = create, .forward = forward, .backward_data = backward_data, .destroy = destroy};

const LayerType FORK = {.name = "fork", .describe = describe, .ops = &OPS};

Node fork_value(Graph *g, Node src, const char *name)
{
    return graph_add(g, name, &FORK, NULL, &src, 1);
}
