/* core/kernels/patches_grad.c -- backward weights; see patches.h. */
#include <omp.h>
#include <string.h>

#include "core/base/simd.h"
#include "core/kernels/panels.h"
#include "core/kernels/patches_gather.h"
#include "core/kernels/shares.h"

/* DESIGN. Pixels are what the products sum over. A chunk of them is packed in panels, diff_dst as a
 * and patches as b, in bfloat16 by pairs of pixels, and blocks of GEMM_PANEL x GEMM_PANEL sums are
 * added to.
 *
 * Where there are few sums, each thread has its own, takes its share of the pixels, and waits for
 * nobody. Where there are many, all threads pack a chunk that they share, wait, and take blocks of
 * sums each. Either way, the order of additions does not depend on timing.
 */

enum {
    FEW_SUMS = 16 << 10,
    OWN_CHUNK_BYTES = 256 << 10,  // of packed numbers
    SHARED_CHUNK_BYTES = 3 << 20,
    MATRIX_DEPTH = 32,  // of a matrix tile, in pixels
};

typedef struct {
    int pixels;   // in all images
    int columns;  // numbers of a patch, rounded up to whole vectors
    bool own;     // sums for each thread
    int share;    // pixels of one thread with its own sums, or all
    int chunk;    // pixels, even
    int depth;    // of a chunk, in 32-bit units
    int rows;     // output channels of a block of sums
} Layout;

static int round_up(int x, int step)
{
    return (x + step - 1) / step * step;
}

static Layout layout_of(const Patches *p)
{
    Layout l = {.pixels = gather_pixels(p), .columns = round_up(gather_count(p), VEC)};
    const int step = p->brgemms ? MATRIX_DEPTH : 2;
    const int pixel_bytes = (int)gather_number_bytes(p) * (l.columns + p->out);
    l.own = p->out * l.columns <= FEW_SUMS;
    l.share = l.own ? round_up(shares_most(l.pixels, p->threads), 2) : l.pixels;
    const int fit = (l.own ? OWN_CHUNK_BYTES : SHARED_CHUNK_BYTES) / pixel_bytes;
    const int target = fit > MATRIX_DEPTH ? fit : MATRIX_DEPTH;
    const int chunks = (l.share + target - 1) / target;
    l.chunk = round_up((l.share + chunks - 1) / chunks, step);
    l.depth = p->bf16 ? l.chunk / 2 : l.chunk;
    const int panels = (l.columns + GEMM_PANEL - 1) / GEMM_PANEL;
    l.rows = shares_block_rows(p->out, panels, GEMM_PANEL, l.own ? 1 : p->threads);
    return l;
}

size_t patches_grad_sums(const Patches *p)
{
    const Layout l = layout_of(p);
    return (size_t)(l.own ? p->threads : 1) * (size_t)p->out * (size_t)l.columns;
}

/* ---- Working memory ---- */

/* What a thread has to itself while it packs. */
typedef struct {
    char *image;
    char *patches[2];
    char *zeros;  // for pixels behind the last
} Workspace;

static size_t patch_bytes(const Layout *l)
{
    return (size_t)round_up(l->columns + GATHER_SLACK, 16) * sizeof(float);
}

static size_t zeros_bytes(const Patches *p, const Layout *l)
{
    return (size_t)round_up(p->out > l->columns ? p->out : l->columns, 16) * sizeof(float);
}

static size_t workspace_bytes(const Patches *p, const Layout *l)
{
    return gather_bytes(p) + 2 * patch_bytes(l) + zeros_bytes(p, l);
}

static Workspace workspace_at(const Patches *p, const Layout *l, char *memory)
{
    char *patches = memory + gather_bytes(p), *zeros = patches + 2 * patch_bytes(l);
    memset(zeros, 0, zeros_bytes(p, l));
    return (Workspace){memory, {patches, patches + patch_bytes(l)}, zeros};
}

/* A chunk of packed pixels. */
typedef struct {
    float *patches;
    float *diff;
    float *diff_by_rows;  // for matrix tiles
} Panels;

static size_t panel_floats(const Layout *l, int columns)
{
    return (size_t)round_up(l->depth * columns, 16);
}

static size_t panels_bytes(const Patches *p, const Layout *l)
{
    return sizeof(float)
           * (panel_floats(l, l->columns) + (p->brgemms ? 2 : 1) * panel_floats(l, p->out));
}

static Panels panels_at(const Patches *p, const Layout *l, void *memory)
{
    float *patches = memory, *diff = patches + panel_floats(l, l->columns);
    return (Panels){patches, diff, p->brgemms ? diff + panel_floats(l, p->out) : NULL};
}

size_t patches_grad_scratch_bytes(const Patches *p)
{
    const Layout l = layout_of(p);
    return (size_t)p->threads * workspace_bytes(p, &l)
           + (size_t)(l.own ? p->threads : 1) * panels_bytes(p, &l);
}

/* ---- Packing ---- */

SIMD_CLONES static void pack_pairs(const uint16_t *restrict x, const uint16_t *restrict y,
                                   int count, float *restrict dst)
{
    for (int i = 0; i < count; i++) {
        const uint32_t pair = x[i] | (uint32_t)y[i] << 16;
        memcpy(dst + i, &pair, sizeof pair);
    }
}

/* Row k of panels of `columns`: one pixel in float32, two in bfloat16. */
static void pack_row(const Patches *p, const Layout *l, const void *x, const void *y, int columns,
                     int k, float *panels)
{
    for (int c = 0; c < columns; c += GEMM_PANEL) {
        const int width = panel_width(columns, c);
        float *dst = panels + (ptrdiff_t)c * l->depth + (ptrdiff_t)k * width;
        if (p->bf16)
            pack_pairs((const uint16_t *)x + c, (const uint16_t *)y + c, width, dst);
        else
            memcpy(dst, (const float *)x + c, (size_t)width * sizeof *dst);
    }
}

/* The patch of a pixel, with zeros up to a whole vector. */
static const void *patch_of(const Layout *l, Gather *g, const Workspace *s, int slot, int pixel,
                            int end)
{
    if (pixel >= end)
        return s->zeros;
    const int count = gather_count(g->p);
    if (count == l->columns && gather_in_place(g->p))
        return gather_find(g, pixel);
    const size_t bytes = gather_number_bytes(g->p);
    gather_patch(g, pixel, s->patches[slot]);
    memset(s->patches[slot] + (size_t)count * bytes, 0, (size_t)(l->columns - count) * bytes);
    return s->patches[slot];
}

static const void *diff_of(const Patches *p, const Workspace *s, const void *diff_dst, int pixel,
                           int end)
{
    const size_t bytes = (size_t)p->out * gather_number_bytes(p);
    return pixel < end ? (const char *)diff_dst + (size_t)pixel * bytes : s->zeros;
}

/* Rows [k, k_end) of the panels; row 0 begins with pixel `first`, and there are none from `end` on.
 */
static void pack(const Patches *p, const Layout *l, Gather *g, const Workspace *s,
                 const void *diff_dst, int first, int end, int k, int k_end, const Panels *panels)
{
    const int per_row = p->bf16 ? 2 : 1;
    for (; k < k_end; k++) {
        const int pixel = first + per_row * k;
        const void *x = patch_of(l, g, s, 0, pixel, end);
        const void *y = p->bf16 ? patch_of(l, g, s, 1, pixel + 1, end) : NULL;
        pack_row(p, l, x, y, l->columns, k, panels->patches);
        pack_row(p, l, diff_of(p, s, diff_dst, pixel, end), diff_of(p, s, diff_dst, pixel + 1, end),
                 p->out, k, panels->diff);
    }
}

/* ---- Products ---- */

/* The product of the block of sums at (o, c); a, b and c are left out. */
static Gemm product_of(const Patches *p, const Layout *l, int o, int c)
{
    const int panel = o / GEMM_PANEL * GEMM_PANEL, left = p->out - o;
    return (Gemm){.rows = left < l->rows ? left : l->rows,
                  .cols = panel_width(l->columns, c),
                  .depth = l->depth,
                  .a_row = p->brgemms ? l->depth : 1,
                  .a_depth = p->brgemms ? 1 : panel_width(p->out, panel),
                  .c_row = l->columns,
                  .add = true};
}

static void multiply_block(const Patches *p, const Layout *l, const Panels *panels, int o, int c,
                           float *sums)
{
    Gemm g = product_of(p, l, o, c);
    g.a = p->brgemms ? panels->diff_by_rows + (ptrdiff_t)o * l->depth
                     : panels->diff + panel_at(o, l->depth);
    g.b = panels->patches + (ptrdiff_t)c * l->depth;
    g.c = sums + (ptrdiff_t)o * l->columns + c;
    brgemms_or(p->brgemms, p->multiply, &g);
}

static void turn_over(const Patches *p, const Layout *l, const Panels *panels, int o)
{
    const ptrdiff_t at = (ptrdiff_t)o * l->depth;
    panel_turn_over(panels->diff + at, panel_width(p->out, o), l->depth, panels->diff_by_rows + at);
}

bool patches_grad_add_brgemms(const Patches *p, Error *err)
{
    const Layout l = layout_of(p);
    const int os[] = {0, (p->out - 1) / l.rows * l.rows};
    const int cs[] = {0, (l.columns - 1) / GEMM_PANEL * GEMM_PANEL};
    for (int i = 0; i < 4; i++) {
        const Gemm shape = product_of(p, &l, os[i / 2], cs[i % 2]);
        if (!brgemms_add(p->brgemms, &shape, err))
            return false;
    }
    return true;
}

/* ---- The two ways ---- */

/* One thread's share of the pixels, to its own sums. */
static void sum_alone(const Patches *p, const Layout *l, Gather *g, const Workspace *s,
                      const void *diff_dst, const Panels *panels, int share, float *sums)
{
    const int begin = share * l->share;
    const int end = begin + l->share < l->pixels ? begin + l->share : l->pixels;
    sums += (ptrdiff_t)share * p->out * l->columns;
    for (int first = begin; first < end; first += l->chunk) {
        pack(p, l, g, s, diff_dst, first, end, 0, l->depth, panels);
        for (int o = 0; p->brgemms && o < p->out; o += GEMM_PANEL)
            turn_over(p, l, panels, o);
        for (int o = 0; o < p->out; o += l->rows) {
            for (int c = 0; c < l->columns; c += GEMM_PANEL)
                multiply_block(p, l, panels, o, c, sums);
        }
    }
}

/* By all threads of a team. */
static void sum_together(const Patches *p, const Layout *l, Gather *g, const Workspace *s,
                         const void *diff_dst, const Panels *panels, float *sums)
{
    const int id = omp_get_thread_num(), team = omp_get_num_threads();
    for (int first = 0; first < l->pixels; first += l->chunk) {
        pack(p, l, g, s, diff_dst, first, l->pixels, l->depth * id / team,
             l->depth * (id + 1) / team, panels);
#pragma omp barrier
        if (p->brgemms) {
#pragma omp for schedule(static)
            for (int o = 0; o < p->out; o += GEMM_PANEL)
                turn_over(p, l, panels, o);
        }
#pragma omp for collapse(2) schedule(static)
        for (int o = 0; o < p->out; o += l->rows) {
            for (int c = 0; c < l->columns; c += GEMM_PANEL)
                multiply_block(p, l, panels, o, c, sums);
        }
    }
}

void patches_grad(const Patches *p, const void *src, const void *diff_dst, float *sums,
                  void *scratch)
{
    const Layout l = layout_of(p);
    char *panels = (char *)scratch + (size_t)p->threads * workspace_bytes(p, &l);
#pragma omp parallel num_threads(p->threads)
    {
        const size_t id = (size_t)omp_get_thread_num();
        const Workspace s = workspace_at(p, &l, (char *)scratch + id * workspace_bytes(p, &l));
        Gather g = gather_begin(p, src, s.image);
        if (l.own) {
            const Panels mine = panels_at(p, &l, panels + id * panels_bytes(p, &l));
            for (int share = (int)id; share < p->threads; share += omp_get_num_threads())
                sum_alone(p, &l, &g, &s, diff_dst, &mine, share, sums);
        } else {
            const Panels all = panels_at(p, &l, panels);
            sum_together(p, &l, &g, &s, diff_dst, &all, sums);
        }
    }
}

/* Filter o: numbers of a patch are in kernel x kernel x in, plain weights in x kernel x kernel. */
static void add_filter(const Patches *p, const float *sums, float *weights)
{
    const int taps = p->kernel * p->kernel;
    for (int tap = 0; tap < taps; tap++) {
        const float *src = sums + tap / p->kernel * gather_run(p) + tap % p->kernel * p->in;
        for (int c = 0; c < p->in; c++)
            weights[c * taps + tap] += src[c];
    }
}

void patches_grad_end(const Patches *p, const float *sums, bool accumulate, float *weights)
{
    const Layout l = layout_of(p);
    const size_t one = (size_t)p->out * (size_t)l.columns;
    const size_t count = (size_t)(p->in * p->kernel * p->kernel);
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < (size_t)p->out; o++) {
        if (!accumulate)
            memset(weights + o * count, 0, count * sizeof *weights);
        for (size_t t = 0; t < (size_t)(l.own ? p->threads : 1); t++)
            add_filter(p, sums + t * one + o * (size_t)l.columns, weights + o * count);
    }
}
