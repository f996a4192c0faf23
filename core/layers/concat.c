#include "core/layers/concat.h"

#include "core/kernels/channels.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    const Concat *c = config;
    spec->dst = srcs[0];
    spec->backward_needs_dst = c->relu_masks != 0;
    for (int i = 1; i < src_count; i++) {
        if (srcs[i].height != srcs[0].height || srcs[i].width != srcs[0].width)
            return fail(err, ERR_INVALID, "cannot join %d x %d and %d x %d images", srcs[0].height,
                        srcs[0].width, srcs[i].height, srcs[i].width);
        spec->dst.channels += srcs[i].channels;
    }
    return true;
}

/* The parts that do not lie in the whole already: bit i for source i. */
static unsigned parts_apart(const Layer *l, const Tensor *whole, Tensor *const *parts)
{
    unsigned apart = 0;
    Channels place = {whole, 0};
    for (int i = 0; i < l->node->src_count; i++) {
        apart |= (unsigned)(parts[i] && !same_channels(place, (Channels){parts[i], 0})) << i;
        place.first += (size_t)l->src[i]->shape.channels;
    }
    return apart;
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    const unsigned apart = parts_apart(l, l->dst, l->src);
    const size_t pixels = apart ? tensor_pixels(l->dst) : 0;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        Channels dst = {l->dst, 0};
        for (int i = 0; i < l->node->src_count; i++) {
            const size_t count = (size_t)l->src[i]->shape.channels;
            if (apart >> i & 1)
                copy_channels(dst, (Channels){l->src[i], 0}, count, p);
            dst.first += count;
        }
    }
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    const Concat *c = l->node->config;
    const unsigned apart = parts_apart(l, l->diff_dst[0], l->diff_src);
    const size_t pixels = apart | c->relu_masks ? tensor_pixels(l->diff_dst[0]) : 0;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        Channels dst = {l->dst, 0}, diff_dst = {l->diff_dst[0], 0};
        for (int i = 0; i < l->node->src_count; i++) {
            const size_t count = (size_t)l->src[i]->shape.channels;
            const Channels diff_src = {l->diff_src[i], 0};
            if (diff_src.tensor && c->relu_masks >> i & 1)
                copy_channels_masked(diff_src, diff_dst, dst, count, p);
            else if (apart >> i & 1)
                copy_channels(diff_src, diff_dst, count, p);
            dst.first += count;
            diff_dst.first += count;
        }
    }
    return true;
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_data = backward_data,
    .strided_src = true,
    .strided_dst = true,
};

const LayerType CONCAT = {
    .name = "concat", .config_bytes = sizeof(Concat), .describe = describe, .ops = &OPS};

Node concat(Graph *g, const char *name, const Node *srcs, int src_count)
{
    return concat_masked(g, name, srcs, src_count, (Concat){0});
}

Node concat_masked(Graph *g, const char *name, const Node *srcs, int src_count, Concat c)
{
    if (src_count < 1)
        return graph_fail(g, name, "joins no nodes");
    return graph_add(g, name, &CONCAT, &c, srcs, src_count);
}
