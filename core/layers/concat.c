#include "core/layers/concat.h"

#include <assert.h>
#include <string.h>

#include "core/base/simd.h"
#include "core/layers/layer.h"

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    const Concat *c = config;
    spec->dst = srcs[0];
    spec->backward_needs_dst = c->masked != 0;
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

/* `joined` holds all channels of a pixel side by side, slice i its own. */
static void join_slices(Tensor *joined, Tensor *const *slices, int count)
{
    const size_t size = dnnl_data_type_size(joined->type);
    const size_t pixel_bytes = (size_t)joined->shape.channels * size;
    const size_t pixels = tensor_pixels(joined);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        char *whole = (char *)joined->data + p * pixel_bytes;
        for (int i = 0; i < count; i++) {
            const size_t bytes = (size_t)slices[i]->shape.channels * size;
            memcpy(whole, (const char *)slices[i]->data + p * bytes, bytes);
            whole += bytes;
        }
    }
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    join_slices(l->dst, l->src, l->node->src_count);
    return true;
}

SIMD_CLONES static void mask_f32(float *restrict dst, const float *restrict diff,
                                 const float *restrict value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = value[i] > 0 ? diff[i] : 0;
}

/* A bfloat16 is above zero exactly when its bits, read as a signed number, are. No `?:` here: GCC
 * would load diff[i] only where it is wanted, which takes a branch for each number. */
SIMD_CLONES static void mask_bf16(uint16_t *restrict dst, const uint16_t *restrict diff,
                                  const int16_t *restrict value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = (uint16_t)(diff[i] & -(value[i] > 0));
}

/* Channels from `first` of one pixel of diff_dst, to diff_src. */
static void split(const Layer *l, size_t pixel, size_t first, Tensor *diff_src, bool masked)
{
    const Tensor *joined = l->diff_dst[0];
    const size_t size = dnnl_data_type_size(joined->type);
    const size_t channels = (size_t)diff_src->shape.channels;
    const size_t at = (pixel * (size_t)joined->shape.channels + first) * size;
    char *dst = (char *)diff_src->data + pixel * channels * size;
    const char *diff = (const char *)joined->data + at, *value = (const char *)l->dst->data + at;
    if (!masked)
        memcpy(dst, diff, channels * size);
    else if (joined->type == dnnl_f32)
        mask_f32((float *)dst, (const float *)diff, (const float *)value, channels);
    else
        mask_bf16((uint16_t *)dst, (const uint16_t *)diff, (const int16_t *)value, channels);
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    const Concat *c = l->node->config;
    const size_t pixels = tensor_pixels(l->diff_dst[0]);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        size_t first = 0;
        for (int i = 0; i < l->node->src_count; i++) {
            if (l->diff_src[i])
                split(l, p, first, l->diff_src[i], c->masked >> i & 1);
            first += (size_t)l->src[i]->shape.channels;
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
