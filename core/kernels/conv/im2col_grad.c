/* core/kernels/conv/im2col_grad.c -- backward weights; see im2col.h. */
#include <omp.h>
#include <string.h>

#include "core/base/numbers/simd.h"
#include "core/kernels/conv/im2col_gather.h"
#include "core/kernels/conv/panels.h"
#include "core/kernels/shares.h"
#include "core/kernels/vec_transpose.h"

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
    BLOCK_ROWS = 16,    // of panels, packed at a time
    BLOCK_PIXELS = 2 * BLOCK_ROWS,
};

typedef struct {
    int pixels;    // in all images
    int columns;   // of the matrix, rounded up to whole vectors
    bool own;      // sums for each thread
    int share;     // pixels of one thread with its own sums, or all
    int chunk;     // pixels, even
    int depth;     // of a chunk, in 32-bit units
    int diff_row;  // for matrix tiles: from one channel of diff_dst to the next, in 32-bit units
    int rows;      // output channels of a block of sums
} GradLayout;

static int round_up(int x, int step)
{
    return (x + step - 1) / step * step;
}

static GradLayout layout_of(const Im2col *p)
{
    GradLayout l = {.pixels = gather_pixels(p), .columns = round_up(gather_columns(p), VEC)};
    const int step = p->by_rows ? MATRIX_DEPTH : 2;
    const int pixel_bytes = (int)gather_number_bytes(p) * (l.columns + p->conv.out);
    l.own = p->conv.out * l.columns <= FEW_SUMS;
    l.share = l.own ? round_up(shares_most(l.pixels, p->conv.threads), 2) : l.pixels;
    const int fit = (l.own ? OWN_CHUNK_BYTES : SHARED_CHUNK_BYTES) / pixel_bytes;
    const int target = fit > MATRIX_DEPTH ? fit : MATRIX_DEPTH;
    const int chunks = (l.share + target - 1) / target;
    l.chunk = round_up((l.share + chunks - 1) / chunks, step);
    l.depth = p->conv.src_bf16 ? l.chunk / 2 : l.chunk;
    l.diff_row = l.depth | VEC;  // or rows would fall into the same cache sets
    const int panels = (l.columns + GEMM_PANEL - 1) / GEMM_PANEL;
    l.rows = shares_block_rows(p->conv.out, panels, GEMM_PANEL, l.own ? 1 : p->conv.threads);
    return l;
}

size_t im2col_grad_sums(const Im2col *p)
{
    const GradLayout l = layout_of(p);
    return (size_t)(l.own ? p->conv.threads : 1) * (size_t)p->conv.out * (size_t)l.columns;
}

/* ---- Working memory ---- */

/* What a thread has to itself while it packs. */
typedef struct {
    char *image;
    char *rows;   // of a block of pixels
    char *zeros;  // for pixels after the last
} Workspace;

static size_t row_bytes(const Im2col *p, const GradLayout *l)
{
    return (size_t)round_up(l->columns + GATHER_SLACK, 32) * gather_number_bytes(p);
}

static size_t zeros_bytes(const Im2col *p, const GradLayout *l)
{
    const int columns = p->conv.out > l->columns ? p->conv.out : l->columns;
    return (size_t)round_up(columns, 16) * sizeof(float);
}

static size_t workspace_bytes(const Im2col *p, const GradLayout *l)
{
    return gather_bytes(p) + BLOCK_PIXELS * row_bytes(p, l) + zeros_bytes(p, l);
}

static Workspace workspace_at(const Im2col *p, const GradLayout *l, char *memory)
{
    char *rows = memory + gather_bytes(p), *zeros = rows + BLOCK_PIXELS * row_bytes(p, l);
    memset(zeros, 0, zeros_bytes(p, l));
    return (Workspace){memory, rows, zeros};
}

/* A chunk of packed pixels. */
typedef struct {
    float *rows;
    float *diff;  // for matrix tiles out x diff_row, else panels
} Panels;

static size_t panel_floats(const GradLayout *l, int columns)
{
    return (size_t)round_up(l->depth * columns, 16);
}

static size_t diff_floats(const Im2col *p, const GradLayout *l)
{
    return p->by_rows ? (size_t)p->conv.out * (size_t)l->diff_row : panel_floats(l, p->conv.out);
}

static size_t panels_bytes(const Im2col *p, const GradLayout *l)
{
    return sizeof(float) * (panel_floats(l, l->columns) + diff_floats(p, l));
}

static Panels panels_at(const GradLayout *l, void *memory)
{
    float *rows = memory;
    return (Panels){rows, rows + panel_floats(l, l->columns)};
}

size_t im2col_grad_scratch_bytes(const Im2col *p)
{
    const GradLayout l = layout_of(p);
    return (size_t)p->conv.threads * workspace_bytes(p, &l)
           + (size_t)(l.own ? p->conv.threads : 1) * panels_bytes(p, &l);
}

/* What one thread works with. */
typedef struct {
    const Im2col *p;
    const GradLayout *l;
    const void *diff_dst;
    Gather gather;
    Workspace space;
    Panels panels;  // its own, or those of all threads
} Worker;

/* ---- Packing ---- */

/* A block of pixels: `rows` rows of panels, each of one pixel in float32, of two in bfloat16. */
typedef struct {
    const void *pixels[BLOCK_PIXELS];
    int rows;
} Block;

/* Channels from c of each row, `width` of them, next to one another. */
SIMD_CLONES static void pack_pairs(const Block *b, int c, int width, float *restrict dst)
{
    for (int k = 0; k < b->rows; k++) {
        const uint16_t *x = (const uint16_t *)b->pixels[2 * k] + c;
        const uint16_t *y = (const uint16_t *)b->pixels[2 * k + 1] + c;
        for (int i = 0; i < width; i++, dst++) {
            const uint32_t pair = x[i] | (uint32_t)y[i] << 16;
            memcpy(dst, &pair, sizeof pair);
        }
    }
}

static void pack_numbers(const Block *b, int c, int width, float *dst)
{
    for (int k = 0; k < b->rows; k++)
        memcpy(dst + k * width, (const float *)b->pixels[k] + c, (size_t)width * sizeof *dst);
}

/* Rows from k of panels of `columns`. */
static void pack_panels(const Worker *w, const Block *b, int columns, int k, float *panels)
{
    for (int c = 0; c < columns; c += GEMM_PANEL) {
        const int width = panel_width(columns, c);
        float *dst = panels + (ptrdiff_t)c * w->l->depth + (ptrdiff_t)k * width;
        if (w->p->conv.src_bf16)
            pack_pairs(b, c, width, dst);
        else
            pack_numbers(b, c, width, dst);
    }
}

/* A whole block, transposed: dst[channel][row], up to VEC channels from c. */
SIMD_CLONES static void pack_columns(const Block *b, int c, int channels, float *dst,
                                     ptrdiff_t dst_row)
{
    VecBits square[VEC];
    for (int k = 0; k < VEC; k++) {
        const uint16_t *x = (const uint16_t *)b->pixels[2 * k] + c;
        const uint16_t *y = (const uint16_t *)b->pixels[2 * k + 1] + c;
        VecHalf low = {0}, high = {0};
        if (channels >= VEC) {
            memcpy(&low, x, sizeof low);
            memcpy(&high, y, sizeof high);
        } else {
            memcpy(&low, x, (size_t)channels * sizeof *x);
            memcpy(&high, y, (size_t)channels * sizeof *y);
        }
        square[k] =
            __builtin_convertvector(low, VecBits) | __builtin_convertvector(high, VecBits) << 16;
    }
    vec_transpose(square);
    for (int i = 0; i < VEC && i < channels; i++)
        memcpy(dst + i * dst_row, &square[i], sizeof square[i]);
}

/* The matrix's row of a pixel, with zeros up to a whole vector; all zeros from pixel `end` on. */
static const void *row_of(Worker *w, int slot, int pixel, int end)
{
    const GradLayout *l = w->l;
    if (pixel >= end)
        return w->space.zeros;
    const int count = gather_columns(w->p);
    if (count == l->columns && gather_in_place(w->p))
        return gather_find(&w->gather, pixel);
    const size_t bytes = gather_number_bytes(w->p);
    char *row = w->space.rows + (size_t)slot * row_bytes(w->p, l);
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
 * from `end` on. For matrix tiles k and k_end are multiples of BLOCK_ROWS. */
static void pack(Worker *w, int first, int end, int k, int k_end)
{
    const int out = w->p->conv.out, per_row = w->p->conv.src_bf16 ? 2 : 1;
    for (; k < k_end; k += BLOCK_ROWS) {
        const int count = k_end - k < BLOCK_ROWS ? k_end - k : BLOCK_ROWS;
        Block rows = {.rows = count}, diff = {.rows = count};
        for (int i = 0; i < count * per_row; i++) {
            const int pixel = first + k * per_row + i;
            rows.pixels[i] = row_of(w, i, pixel, end);
            diff.pixels[i] = diff_of(w, pixel, end);
        }
        pack_panels(w, &rows, w->l->columns, k, w->panels.rows);
        if (!w->p->by_rows)
            pack_panels(w, &diff, out, k, w->panels.diff);
        for (int o = 0; w->p->by_rows && o < out; o += VEC)
            pack_columns(&diff, o, out - o, w->panels.diff + (ptrdiff_t)o * w->l->diff_row + k,
                         w->l->diff_row);
    }
}

/* ---- Products ---- */

/* The product of the block of sums at (o, c); a, b and c are left out. */
static Gemm product_of(const Im2col *p, const GradLayout *l, int o, int c)
{
    const int panel = o / GEMM_PANEL * GEMM_PANEL, left = p->conv.out - o;
    return (Gemm){.rows = left < l->rows ? left : l->rows,
                  .cols = panel_width(l->columns, c),
                  .depth = l->depth,
                  .a_row = p->by_rows ? l->diff_row : 1,
                  .a_depth = p->by_rows ? 1 : panel_width(p->conv.out, panel),
                  .c_row = l->columns,
                  .add = true};
}

static void multiply_block(const Worker *w, int o, int c, float *sums)
{
    const GradLayout *l = w->l;
    Gemm g = product_of(w->p, l, o, c);
    g.a = w->panels.diff + (w->p->by_rows ? (ptrdiff_t)o * l->diff_row : panel_at(o, l->depth));
    g.b = w->panels.rows + (ptrdiff_t)c * l->depth;
    g.c = sums + (ptrdiff_t)o * l->columns + c;
    w->p->multiply(&g);
}

/* ---- The two ways ---- */

/* One thread's share of the pixels, into its own sums. */
static void sum_alone(Worker *w, int share, float *sums)
{
    const GradLayout *l = w->l;
    const int out = w->p->conv.out, begin = share * l->share;
    const int end = begin + l->share < l->pixels ? begin + l->share : l->pixels;
    sums += (ptrdiff_t)share * out * l->columns;
    for (int first = begin; first < end; first += l->chunk) {
        pack(w, first, end, 0, l->depth);
        for (int o = 0; o < out; o += l->rows) {
            for (int c = 0; c < l->columns; c += GEMM_PANEL)
                multiply_block(w, o, c, sums);
        }
    }
}

/* By all threads of a team. */
static void sum_together(Worker *w, float *sums)
{
    const GradLayout *l = w->l;
    const int id = omp_get_thread_num(), team = omp_get_num_threads(), out = w->p->conv.out;
    const int blocks = (l->depth + BLOCK_ROWS - 1) / BLOCK_ROWS;
    for (int first = 0; first < l->pixels; first += l->chunk) {
        pack(w, first, l->pixels, blocks * id / team * BLOCK_ROWS,
             id + 1 == team ? l->depth : blocks * (id + 1) / team * BLOCK_ROWS);
#pragma omp barrier
#pragma omp for collapse(2) schedule(static)
        for (int o = 0; o < out; o += l->rows) {
            for (int c = 0; c < l->columns; c += GEMM_PANEL)
                multiply_block(w, o, c, sums);
        }
    }
}

void im2col_grad(const Im2col *p, const void *src, const void *diff_dst, float *sums, void *scratch)
{
    const GradLayout l = layout_of(p);
    char *panels = (char *)scratch + (size_t)p->conv.threads * workspace_bytes(p, &l);
#pragma omp parallel num_threads(p->conv.threads)
    {
        const size_t id = (size_t)omp_get_thread_num();
        Worker w = {.p = p,
                    .l = &l,
                    .diff_dst = diff_dst,
                    .space = workspace_at(p, &l, (char *)scratch + id * workspace_bytes(p, &l)),
                    .panels = panels_at(&l, panels + (l.own ? id * panels_bytes(p, &l) : 0))};
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
    const GradLayout l = layout_of(p);
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
