#include "core/layers/concat.h"

#include <assert.h>
#include <string.h>

#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)config;
    spec->dst = srcs[0];
    for (int i = 1; i < src_count; i++) {
        if (srcs[i].height != srcs[0].height || srcs[i].width != srcs[0].width)
            return fail(err, ERR_INVALID, "cannot join %d x %d and %d x %d images", srcs[0].height,
                        srcs[0].width, srcs[i].height, srcs[i].width);
        spec->dst.channels += srcs[i].channels;
    }
    return true;
}

static bool create(Layer *l, Error *err)
{
    (void)l, (void)err;
    return true;
}

/* Copy between a whole pixel row and its slices: `joined` holds all channels of a pixel side by
 * side, slice i its own; `join` says which way. */
static void copy_slices(Tensor *joined, Tensor *const *slices, int count, bool join)
{
    const size_t size = dnnl_data_type_size(joined->type);
    const size_t pixel_bytes = (size_t)joined->shape.channels * size;
    const size_t pixels = tensor_pixels(joined);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        char *whole = (char *)joined->data + p * pixel_bytes;
        for (int i = 0; i < count; i++) {
            const size_t bytes = (size_t)slices[i]->shape.channels * size;
            char *slice = (char *)slices[i]->data + p * bytes;
            memcpy(join ? whole : slice, join ? slice : whole, bytes);
            whole += bytes;
        }
    }
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    copy_slices(l->dst, l->src, l->node->src_count, true);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    copy_slices(l->diff_dst[0], l->diff_src, l->node->src_count, false);
    return true;
}

static void destroy(Layer *l)
{
    (void)l;
}

static const LayerOps OPS = {
    .create = create, .forward = forward, .backward_data = backward_data, .destroy = destroy};

const LayerType CONCAT = {.name = "concat", .describe = describe, .ops = &OPS};

Node concat(Graph *g, const char *name, const Node *srcs, int src_count)
{
    if (src_count < 1)
        return graph_fail(g, name, "joins no nodes");
    return graph_add(g, name, &CONCAT, NULL, srcs, src_count);
}
