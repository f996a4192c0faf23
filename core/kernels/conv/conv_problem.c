#include "core/kernels/conv/conv_problem.h"

#include <stdio.h>

enum { CHANNELS_TEXT = 32 };

static const char *channels_text(int channels, int stride, char text[CHANNELS_TEXT])
{
    if (stride)
        snprintf(text, CHANNELS_TEXT, "%d/%d", channels, stride);
    else
        snprintf(text, CHANNELS_TEXT, "%d", channels);
    return text;
}

void conv_problem_key(const ConvProblem *p, char key[CONV_PROBLEM_KEY])
{
    static const char *const DIRECTIONS[] = {"forward", "backward data", "backward weights"};
    static const char *const TYPES[] = {"f32", "bf16"};
    char in[CHANNELS_TEXT], out[CHANNELS_TEXT];
    snprintf(
        key, CONV_PROBLEM_KEY,
        "%s %dx%d stride %dx%d pad %dx%d, %dx%sx%dx%d %s to %sx%dx%d %s%s%s%s, %d threads, %d runs",
        DIRECTIONS[p->direction], p->kernel_h, p->kernel_w, p->stride_h, p->stride_w, p->pad_h,
        p->pad_w, p->batch, channels_text(p->in, p->src_stride, in), p->height, p->width,
        TYPES[p->src_bf16], channels_text(p->out, p->dst_stride, out), p->dst_height, p->dst_width,
        TYPES[p->dst_bf16], p->relu ? " relu" : "", p->relu_mask ? " mask" : "",
        p->no_bias ? " no bias" : "", p->threads, p->runs_per_load);
}

ConvProblem conv_problem_transposed(const ConvProblem *p)
{
    ConvProblem t = *p;
    t.direction = CONV_FORWARD;
    t.in = p->out;
    t.height = p->dst_height;
    t.width = p->dst_width;
    t.out = p->in;
    t.dst_height = p->height;
    t.src_stride = p->dst_stride;
    t.dst_stride = p->src_stride;
    t.dst_width = p->width;
    t.pad_h = p->kernel_h - 1 - p->pad_h;
    t.pad_w = p->kernel_w - 1 - p->pad_w;
    t.relu = t.relu_mask = false;
    t.no_bias = true;
    t.src_bf16 = p->dst_bf16;
    t.dst_bf16 = p->src_bf16;
    return t;
}

bool conv_problem_keeps_size(const ConvProblem *p)
{
    return p->stride_h == 1 && p->stride_w == 1 && p->height == p->dst_height
           && p->width == p->dst_width && 2 * p->pad_h == p->kernel_h - 1
           && 2 * p->pad_w == p->kernel_w - 1;
}
