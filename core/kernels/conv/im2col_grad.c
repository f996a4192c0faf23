/* core/kernels/conv/im2col_grad.c -- backward weights; see im2col.h. */
#include <omp.h>
#include <string.h>

#include "core/base/numbers/simd.h"
#include "core/kernels/conv/im2col_gather.h"
#include "core/kernels/conv/panels.h"
#include "core/kernels/shares.h"

/* DESIGN. Pixels are what the products sum over. A chunk of them is packed in panels, diff_dst as a
 * and rows of the im2col matrix as b, in bfloat16 by pairs of pixels, and multiplied into blocks of
 * GEMM_PANEL x GEMM_PANEL sums.
 *
 * Where there are few sums, each thread has its own, takes its share of the pixels, and never
 * waits. Where there are many, all threads pack a chunk that they share, wait, and take blocks of
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
    int columns;  // of the matrix, rounded up to whole vectors
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

static Layout layout_of(const Im2col *p)
{
    Layout l = {.pixels = gather_pixels(p), .columns = round_up(gather_columns(p), VEC)};
    const int step = p->brgemms ? MATRIX_DEPTH : 2;
    const int pixel_bytes = (int)gather_number_bytes(p) * (l.columns + p->conv.out);
    l.own = p->conv.out * l.columns <= FEW_SUMS;
    l.share = l.own ? round_up(shares_most(l.pixels, p->conv.threads), 2) : l.pixels;
    const int fit = (l.own ? OWN_CHUNK_BYTES : SHARED_CHUNK_BYTES) / pixel_bytes;
    const int target = fit > MATRIX_DEPTH ? fit : MATRIX_DEPTH;
    const int chunks = (l.share + target - 1) / target;
    l.chunk = round_up((l.share + chunks - 1) / chunks, step);
    l.depth = p->conv.src_bf16 ? l.chunk / 2 : l.chunk;
    const int panels = (l.columns + GEMM_PANEL - 1) / GEMM_PANEL;
    l.rows = shares_block_rows(p->conv.out, panels, GEMM_PANEL, l.own ? 1 : p->conv.threads);
    return l;
}

size_t im2col_grad_sums(const Im2col *p)
{
    const Layout l = layout_of(p);
    return (size_t)(l.own ? p->conv.threads : 1) * (size_t)p->conv.out * (size_t)l.columns;
}

/* ---- Working memory ---- */

/* What a thread has to itself while it packs. */
typedef struct {
    char *image;
    char *rows[2];
    char *zeros;  // for pixels after the last
} Workspace;

static size_t row_bytes(const Layout *l)
{
    return (size_t)round_up(l->columns + GATHER_SLACK, 16) * sizeof(float);
}

static size_t zeros_bytes(const Im2col *p, const Layout *l)
{
    const int columns = p->conv.out > l->columns ? p->conv.out : l->columns;
    return (size_t)round_up(columns, 16) * sizeof(float);
}

static size_t workspace_bytes(const Im2col *p, const Layout *l)
{
    return gather_bytes(p) + 2 * row_bytes(l) + zeros_bytes(p, l);
}

static Workspace workspace_at(const Im2col *p, const Layout *l, char *memory)
{
    char *rows = memory + gather_bytes(p), *zeros = rows + 2 * row_bytes(l);
    memset(zeros, 0, zeros_bytes(p, l));
    return (Workspace){memory, {rows, rows + row_bytes(l)}, zeros};
}

/* A chunk of packed pixels. */
typedef struct {
    float *rows;
    float *diff;
    float *diff_transposed;  // for matrix tiles
} Panels;

static size_t panel_floats(const Layout *l, int columns)
{
    return (size_t)round_up(l->depth * columns, 16);
}

static size_t panels_bytes(const Im2col *p, const Layout *l)
{
    return sizeof(float)
           * (panel_floats(l, l->columns) + (p->brgemms ? 2 : 1) * panel_floats(l, p->conv.out));
}

static Panels panels_at(const Im2col *p, const Layout *l, void *memory)
{
    float *rows = memory, *diff = rows + panel_floats(l, l->columns);
    return (Panels){rows, diff, p->brgemms ? diff + panel_floats(l, p->conv.out) : NULL};
}

size_t im2col_grad_scratch_bytes(const Im2col *p)
{
    const Layout l = layout_of(p);
    return (size_t)p->conv.threads * workspace_bytes(p, &l)
           + (size_t)(l.own ? p->conv.threads : 1) * panels_bytes(p, &l);
}

/* What one thread works with. */
typedef struct {
    const Im2col *p;
    const Layout *l;
    const void *diff_dst;
    Gather gather;
    Workspace space;
    Panels panels;  // its own, or those of all threads
} Worker;

/* ---- Packing ---- */

SIMD_CLONES static void pack_pairs(const uint16_t *restrict x, const uint16_t *restrict y,
                                   int count, float *restrict dst)
{
    for (int i = 0; i < count; i++) {
        const uint32_t pair = x[i] | (uint32_t)y[i] << 16;
        memcpy(dst + i, &pair, sizeof pair);
    }
}

/* Where row k of `columns` wide panels comes from: one pixel in float32, two in bfloat16. */
typedef struct {
    const void *x, *y;
    int columns;
} PanelRow;

static void pack_row(const Worker *w, PanelRow row, int k, float *panels)
{
    for (int c = 0; c < row.columns; c += GEMM_PANEL) {
        const int width = panel_width(row.columns, c);
        float *dst = panels + (ptrdiff_t)c * w->l->depth + (ptrdiff_t)k * width;
        if (w->p->conv.src_bf16)
            pack_pairs((const uint16_t *)row.x + c, (const uint16_t *)row.y + c, width, dst);
        else
            memcpy(dst, (const float *)row.x + c, (size_t)width * sizeof *dst);
    }
}

/* The matrix's row of a pixel, with zeros up to a whole vector; all zeros from pixel `end` on. */
static const void *row_of(Worker *w, int slot, int pixel, int end)
{
    const Layout *l = w->l;
    if (pixel >= end)
        return w->space.zeros;
    const int count = gather_columns(w->p);
    if (count == l->columns && gather_in_place(w->p))
        return gather_find(&w->gather, pixel);
    const size_t bytes = gather_number_bytes(w->p);
    char *row = w->space.rows[slot];
    gather_row(&w->gather, pixel, row);
    memset(row + (size_t)count * bytes, 0, (size_t)(l->columns - count) * bytes);
    return row;
}

static const void *diff_of(const Worker *w, int pixel, int end)
{
    const size_t bytes = conv_problem_dst_stride(&w->p->conv) * gather_number_bytes(w->p);
    return pixel < end ? (const char *)w->diff_dst + (size_t)pixel * bytes : w->space.zeros;
}

/* Rows [k, k_end) of the panels of the chunk that begins with pixel `first`; there are no pixels
 * from `end` on. */
static void pack(Worker *w, int first, int end, int k, int k_end)
{
    const bool pairs = w->p->conv.src_bf16;
    for (; k < k_end; k++) {
        const int pixel = first + (pairs ? 2 : 1) * k;
        const PanelRow row = {row_of(w, 0, pixel, end), pairs ? row_of(w, 1, pixel + 1, end) : NULL,
                              w->l->columns};
        const PanelRow diff = {diff_of(w, pixel, end), diff_of(w, pixel + 1, end), w->p->conv.out};
        pack_row(w, row, k, w->panels.rows);
        pack_row(w, diff, k, w->panels.diff);
    }
}

/* ---- Products ---- */

/* The product of the block of sums at (o, c); a, b and c are left out. */
static Gemm product_of(const Im2col *p, const Layout *l, int o, int c)
{
    const int panel = o / GEMM_PANEL * GEMM_PANEL, left = p->conv.out - o;
    return (Gemm){.rows = left < l->rows ? left : l->rows,
                  .cols = panel_width(l->columns, c),
                  .depth = l->depth,
                  .a_row = p->brgemms ? l->depth : 1,
                  .a_depth = p->brgemms ? 1 : panel_width(p->conv.out, panel),
                  .c_row = l->columns,
                  .add = true};
}

static void multiply_block(const Worker *w, int o, int c, float *sums)
{
    const Layout *l = w->l;
    Gemm g = product_of(w->p, l, o, c);
    g.a = w->p->brgemms ? w->panels.diff_transposed + (ptrdiff_t)o * l->depth
                        : w->panels.diff + panel_at(o, l->depth);
    g.b = w->panels.rows + (ptrdiff_t)c * l->depth;
    g.c = sums + (ptrdiff_t)o * l->columns + c;
    brgemms_or(w->p->brgemms, w->p->multiply, &g);
}

static void transpose(const Worker *w, int o)
{
    const ptrdiff_t at = (ptrdiff_t)o * w->l->depth;
    panel_transpose(w->panels.diff + at, panel_width(w->p->conv.out, o), w->l->depth,
                    w->panels.diff_transposed + at);
}

bool im2col_grad_add_brgemms(const Im2col *p, Error *err)
{
    const Layout l = layout_of(p);
    const int os[] = {0, (p->conv.out - 1) / l.rows * l.rows};
    const int cs[] = {0, (l.columns - 1) / GEMM_PANEL * GEMM_PANEL};
    for (int i = 0; i < 4; i++) {
        const Gemm shape = product_of(p, &l, os[i / 2], cs[i % 2]);
        if (!brgemms_add(p->brgemms, &shape, err))
            return false;
    }
    return true;
}

/* ---- The two ways ---- */

/* One thread's share of the pixels, into its own sums. */
static void sum_alone(Worker *w, int share, float *sums)
{
    const Layout *l = w->l;
    const int out = w->p->conv.out, begin = share * l->share;
    const int end = begin + l->share < l->pixels ? begin + l->share : l->pixels;
    sums += (ptrdiff_t)share * out * l->columns;
    for (int first = begin; first < end; first += l->chunk) {
        pack(w, first, end, 0, l->depth);
        for (int o = 0; w->p->brgemms && o < out; o += GEMM_PANEL)
            transpose(w, o);
        for (int o = 0; o < out; o += l->rows) {
            for (int c = 0; c < l->columns; c += GEMM_PANEL)
                multiply_block(w, o, c, sums);
        }
    }
}

/* By all threads of a team. */
static void sum_together(Worker *w, float *sums)
{
    const Layout *l = w->l;
    const int id = omp_get_thread_num(), team = omp_get_num_threads(), out = w->p->conv.out;
    for (int first = 0; first < l->pixels; first += l->chunk) {
        pack(w, first, l->pixels, l->depth * id / team, l->depth * (id + 1) / team);
#pragma omp barrier
        if (w->p->brgemms) {
#pragma omp for schedule(static)
            for (int o = 0; o < out; o += GEMM_PANEL)
                transpose(w, o);
        }
#pragma omp for collapse(2) schedule(static)
        for (int o = 0; o < out; o += l->rows) {
            for (int c = 0; c < l->columns; c += GEMM_PANEL)
                multiply_block(w, o, c, sums);
        }
    }
}

void im2col_grad(const Im2col *p, const void *src, const void *diff_dst, float *sums, void *scratch)
{
    const Layout l = layout_of(p);
    char *panels = (char *)scratch + (size_t)p->conv.threads * workspace_bytes(p, &l);
#pragma omp parallel num_threads(p->conv.threads)
    {
        const size_t id = (size_t)omp_get_thread_num();
        Worker w = {.p = p,
                    .l = &l,
                    .diff_dst = diff_dst,
                    .space = workspace_at(p, &l, (char *)scratch + id * workspace_bytes(p, &l)),
                    .panels = panels_at(p, &l, panels + (l.own ? id * panels_bytes(p, &l) : 0))};
        w.gather = gather_begin(p, src, w.space.image);
        if (l.own) {
            for (int share = (int)id; share < p->conv.threads; share += omp_get_num_threads())
                sum_alone(&w, share, sums);
        } else {
            sum_together(&w, sums);
        }
    }
}

/* Filter o: columns are in kernel_h x kernel_w x in, plain weights in x kernel_h x kernel_w. */
static void add_filter(const Im2col *p, const float *sums, float *weights)
{
    const int width = p->conv.kernel_w, taps = p->conv.kernel_h * width;
    for (int tap = 0; tap < taps; tap++) {
        const float *src = sums + tap / width * gather_run(p) + tap % width * p->conv.in;
        for (int c = 0; c < p->conv.in; c++)
            weights[c * taps + tap] += src[c];
    }
}

void im2col_grad_flush(const Im2col *p, const float *sums, bool accumulate, float *weights)
{
    const Layout l = layout_of(p);
    const size_t out = (size_t)p->conv.out, one = out * (size_t)l.columns;
    const size_t count = conv_problem_weights(&p->conv) / out;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < out; o++) {
        if (!accumulate)
            memset(weights + o * count, 0, count * sizeof *weights);
        for (size_t t = 0; t < (size_t)(l.own ? p->conv.threads : 1); t++)
            add_filter(p, sums + t * one + o * (size_t)l.columns, weights + o * count);
    }
}
