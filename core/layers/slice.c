#include "core/layers/slice.h"

#include "core/kernels/channels.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count;
    const Slice *s = config;
    if (s->first < 0 || s->channels < 1 || s->first > srcs[0].channels - s->channels)
        return fail(err, ERR_INVALID, "cannot take %d channels from channel %d of %d", s->channels,
                    s->first, srcs[0].channels);
    spec->dst = (Shape){s->channels, srcs[0].height, srcs[0].width};
    spec->backward_needs_dst = s->relu_mask;
    spec->part_first = s->first;
    spec->part_channels = s->channels;
    return true;
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    const Slice *s = l->node->config;
    const Channels src = {l->src[0], (size_t)s->first}, dst = {l->dst, 0};
    const size_t pixels = same_channels(dst, src) ? 0 : tensor_pixels(l->dst);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++)
        copy_channels(dst, src, (size_t)s->channels, p);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    const Slice *s = l->node->config;
    const Channels diff_dst = {l->diff_dst[0], 0}, diff_src = {l->diff_src[0], (size_t)s->first};
    const Channels dst = {l->dst, 0};
    const bool there = same_channels(diff_src, diff_dst);
    const size_t pixels = there && !s->relu_mask ? 0 : tensor_pixels(l->dst);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        if (s->relu_mask)
            copy_channels_masked(diff_src, diff_dst, dst, (size_t)s->channels, p);
        else
            copy_channels(diff_src, diff_dst, (size_t)s->channels, p);
    }
    return true;
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_data = backward_data,
    .strided_src = true,
    .strided_dst = true,
};

const LayerType SLICE = {
    .name = "slice", .config_bytes = sizeof(Slice), .describe = describe, .ops = &OPS};

Node slice(Graph *g, Node src, const char *name, Slice s)
{
    return graph_add(g, name, &SLICE, &s, &src, 1);
}
