#include "core/kernels/conv/im2col_gather.h"

#include <string.h>

#include "core/base/numbers/simd.h"

size_t gather_number_bytes(const Im2col *p)
{
    return p->conv.src_bf16 ? sizeof(uint16_t) : sizeof(float);
}

int gather_run(const Im2col *p)
{
    const int run = p->conv.kernel_w * p->conv.in;
    return p->conv.src_bf16 ? (run + 1) / 2 * 2 : run;
}

int gather_columns(const Im2col *p)
{
    return p->conv.kernel_h * gather_run(p);
}

int gather_pixels(const Im2col *p)
{
    return p->conv.batch * p->conv.dst_height * p->conv.dst_width;
}

static size_t line_bytes(const Im2col *p)
{
    return (size_t)(p->conv.width + 2 * p->conv.pad_w) * (size_t)p->conv.in
           * gather_number_bytes(p);
}

static size_t image_bytes(const Im2col *p)
{
    const size_t lines = (size_t)(p->conv.height + 2 * p->conv.pad_h);
    return lines * line_bytes(p) + GATHER_SLACK * sizeof(float);
}

size_t gather_bytes(const Im2col *p)
{
    return (image_bytes(p) + 63) / 64 * 64;
}

Gather gather_begin(const Im2col *p, const void *src, void *memory)
{
    memset(memory, 0, gather_bytes(p));
    return (Gather){.p = p, .src = src, .image = memory, .at = -1};
}

/* `pixels` of `bytes` each, `stride` bytes apart, side by side. */
static void copy_line(char *dst, const char *src, size_t pixels, size_t bytes, size_t stride)
{
    if (bytes == stride) {
        memcpy(dst, src, pixels * bytes);
        return;
    }
    for (size_t x = 0; x < pixels; x++)
        memcpy(dst + x * bytes, src + x * stride, bytes);
}

/* The zeros around it stay from gather_begin. */
static void copy_image(Gather *g, int n)
{
    const Im2col *p = g->p;
    const size_t width = (size_t)p->conv.width, pixel = (size_t)p->conv.in * gather_number_bytes(p);
    const size_t stride = conv_problem_src_stride(&p->conv) * gather_number_bytes(p);
    const char *src = g->src + (size_t)n * (size_t)p->conv.height * width * stride;
    char *dst = g->image + (size_t)p->conv.pad_h * line_bytes(p) + (size_t)p->conv.pad_w * pixel;
    for (int y = 0; y < p->conv.height; y++)
        copy_line(dst + (size_t)y * line_bytes(p), src + (size_t)y * width * stride, width, pixel,
                  stride);
    g->at = n;
}

/* Runs are short: whole vectors are copied, and what is too much is overwritten by the next run. */
SIMD_CLONES static void copy_runs(char *dst, const char *src, size_t run, size_t line, int runs)
{
    enum { STEP = 16 };
    for (int u = 0; u < runs; u++) {
        for (size_t i = 0; i < run; i += STEP)
            memcpy(dst + (size_t)u * run + i, src + (size_t)u * line + i, STEP);
    }
}

void gather_row(Gather *g, int pixel, void *dst)
{
    const Im2col *p = g->p;
    const int pixels = p->conv.dst_height * p->conv.dst_width, n = pixel / pixels;
    if (n != g->at)
        copy_image(g, n);
    const size_t y = (size_t)(pixel % pixels / p->conv.dst_width * p->conv.stride_h);
    const size_t x = (size_t)(pixel % p->conv.dst_width * p->conv.stride_w);
    const size_t bytes = gather_number_bytes(p);
    copy_runs(dst, g->image + y * line_bytes(p) + x * (size_t)p->conv.in * bytes,
              (size_t)gather_run(p) * bytes, line_bytes(p), p->conv.kernel_h);
}

bool gather_in_place(const Im2col *p)
{
    return p->conv.kernel_h == 1 && p->conv.kernel_w == 1 && p->conv.pad_h == 0
           && p->conv.pad_w == 0 && gather_run(p) == p->conv.in;
}

const void *gather_find(const Gather *g, int pixel)
{
    const Im2col *p = g->p;
    const int pixels = p->conv.dst_height * p->conv.dst_width, n = pixel / pixels;
    const int y = pixel % pixels / p->conv.dst_width * p->conv.stride_h;
    const int x = pixel % p->conv.dst_width * p->conv.stride_w;
    const size_t at =
        ((size_t)n * (size_t)p->conv.height + (size_t)y) * (size_t)p->conv.width + (size_t)x;
    return g->src + at * conv_problem_src_stride(&p->conv) * gather_number_bytes(p);
}
