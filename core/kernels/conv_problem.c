#include "core/kernels/conv_problem.h"

#include <stdio.h>

void conv_problem_key(const ConvProblem *p, char key[CONV_PROBLEM_KEY])
{
    static const char *const DIRECTIONS[] = {"forward", "backward data", "backward weights"};
    static const char *const TYPES[] = {"f32", "bf16"};
    snprintf(
        key, CONV_PROBLEM_KEY,
        "%s %dx%d stride %dx%d pad %dx%d, %dx%dx%dx%d %s to %dx%dx%d %s%s%s, %d threads, %d runs",
        DIRECTIONS[p->direction], p->kernel_h, p->kernel_w, p->stride_h, p->stride_w, p->pad_h,
        p->pad_w, p->batch, p->in, p->height, p->width, TYPES[p->src_bf16], p->out, p->dst_height,
        p->dst_width, TYPES[p->dst_bf16], p->relu ? " relu" : "", p->no_bias ? " no bias" : "",
        p->threads, p->runs_per_load);
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
    t.dst_width = p->width;
    t.pad_h = p->kernel_h - 1 - p->pad_h;
    t.pad_w = p->kernel_w - 1 - p->pad_w;
    t.relu = false;
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
