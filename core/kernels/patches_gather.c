#include "core/kernels/patches_gather.h"

#include <string.h>

#include "core/base/simd.h"

size_t gather_number_bytes(const Patches *p)
{
    return p->bf16 ? sizeof(uint16_t) : sizeof(float);
}

int gather_run(const Patches *p)
{
    const int run = p->kernel * p->in;
    return p->bf16 ? (run + 1) / 2 * 2 : run;
}

int gather_count(const Patches *p)
{
    return p->kernel * gather_run(p);
}

int gather_pixels(const Patches *p)
{
    return p->batch * p->dst_height * p->dst_width;
}

static size_t row_bytes(const Patches *p)
{
    return (size_t)(p->width + 2 * p->pad) * (size_t)p->in * gather_number_bytes(p);
}

static size_t image_bytes(const Patches *p)
{
    const size_t rows = (size_t)(p->height + 2 * p->pad);
    return rows * row_bytes(p) + GATHER_SLACK * sizeof(float);
}

size_t gather_bytes(const Patches *p)
{
    return (image_bytes(p) + 63) / 64 * 64;
}

Gather gather_begin(const Patches *p, const void *src, void *memory)
{
    memset(memory, 0, gather_bytes(p));
    return (Gather){.p = p, .src = src, .image = memory, .at = -1};
}

/* The zeros around it stay from gather_begin. */
static void take_image(Gather *g, int n)
{
    const Patches *p = g->p;
    const size_t pixel = (size_t)p->in * gather_number_bytes(p), row = (size_t)p->width * pixel;
    const char *src = g->src + (size_t)n * (size_t)p->height * row;
    char *dst = g->image + (size_t)p->pad * (row_bytes(p) + pixel);
    for (int y = 0; y < p->height; y++)
        memcpy(dst + (size_t)y * row_bytes(p), src + (size_t)y * row, row);
    g->at = n;
}

/* Runs are short: whole vectors are copied, and what is too much is overwritten by the next run. */
SIMD_CLONES static void copy_runs(char *dst, const char *src, size_t run, size_t row, int runs)
{
    enum { STEP = 16 };
    for (int u = 0; u < runs; u++) {
        for (size_t i = 0; i < run; i += STEP)
            memcpy(dst + (size_t)u * run + i, src + (size_t)u * row + i, STEP);
    }
}

void gather_patch(Gather *g, int pixel, void *dst)
{
    const Patches *p = g->p;
    const int pixels = p->dst_height * p->dst_width, n = pixel / pixels;
    if (n != g->at)
        take_image(g, n);
    const size_t y = (size_t)(pixel % pixels / p->dst_width * p->stride);
    const size_t x = (size_t)(pixel % p->dst_width * p->stride);
    const size_t bytes = gather_number_bytes(p);
    copy_runs(dst, g->image + y * row_bytes(p) + x * (size_t)p->in * bytes,
              (size_t)gather_run(p) * bytes, row_bytes(p), p->kernel);
}

bool gather_in_place(const Patches *p)
{
    return p->kernel == 1 && p->pad == 0 && gather_run(p) == p->in;
}

const void *gather_find(const Gather *g, int pixel)
{
    const Patches *p = g->p;
    const int pixels = p->dst_height * p->dst_width, n = pixel / pixels;
    const int y = pixel % pixels / p->dst_width * p->stride;
    const int x = pixel % p->dst_width * p->stride;
    const size_t at = ((size_t)n * (size_t)p->height + (size_t)y) * (size_t)p->width + (size_t)x;
    return g->src + at * (size_t)p->in * gather_number_bytes(p);
}
