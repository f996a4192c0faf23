#include "core/kernels/conv/im2col.h"

#include <omp.h>
#include <string.h>

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/simd.h"
#include "core/kernels/conv/im2col_gather.h"
#include "core/kernels/conv/panels.h"

/* DESIGN. Each thread takes a range of pixels, gathers a block of the matrix's rows into its cache,
 * multiplies it with the weights, one group of output channels after another, and writes the
 * result.
 */

enum {
    BLOCK = 64,              // pixels at a time
    GROUP = 2 * GEMM_PANEL,  // output channels at a time
};

static int depth_of(const Im2col *p)
{
    return gather_columns(p) / (p->conv.src_bf16 ? 2 : 1);
}

size_t im2col_weights_bytes(const Im2col *p)
{
    return (size_t)depth_of(p) * (size_t)p->conv.out * sizeof(float);
}

static size_t block_floats(const Im2col *p)
{
    return ((size_t)BLOCK * (size_t)depth_of(p) + GATHER_SLACK + 15) / 16 * 16;
}

static size_t thread_bytes(const Im2col *p)
{
    return gather_bytes(p) + (block_floats(p) + BLOCK * GROUP) * sizeof(float);
}

size_t im2col_scratch_bytes(const Im2col *p)
{
    return (size_t)p->conv.threads * thread_bytes(p);
}

/* ---- Weights ---- */

/* The weight that column j meets: none where a run was made even. */
static float weight_at(const Im2col *p, const float *weights, int o, int j)
{
    const ConvProblem *c = &p->conv;
    const int run = gather_run(p), u = j / run, v = j % run / c->in, i = j % run % c->in;
    return v < c->kernel_w ? weights[((o * c->in + i) * c->kernel_h + u) * c->kernel_w + v] : 0;
}

void im2col_pack(const Im2col *p, const float *weights, void *packed)
{
    const int depth = depth_of(p);
#pragma omp parallel for schedule(static)
    for (int k = 0; k < depth; k++) {
        for (int o = 0; o < p->conv.out; o++) {
            const int panel = o / GEMM_PANEL * GEMM_PANEL, width = panel_width(p->conv.out, panel);
            char *to =
                (char *)packed + sizeof(float) * (size_t)(panel * depth + k * width + o - panel);
            if (p->conv.src_bf16) {
                const uint16_t pair[2] = {float_to_bf16(weight_at(p, weights, o, 2 * k)),
                                          float_to_bf16(weight_at(p, weights, o, 2 * k + 1))};
                memcpy(to, pair, sizeof pair);
            } else {
                const float weight = weight_at(p, weights, o, k);
                memcpy(to, &weight, sizeof weight);
            }
        }
    }
}

/* ---- Running ---- */

/* A row of sums with bias and, with `relu`, ReLU: a NaN stays. */
SIMD_CLONES static void finish_bf16(const float *restrict sums, const float *restrict bias,
                                    bool relu, int channels, uint16_t *restrict dst)
{
    for (int c = 0; c < channels; c++) {
        const float x = sums[c] + (bias ? bias[c] : 0);
        dst[c] = float_to_bf16(relu && x <= 0 ? 0 : x);
    }
}

SIMD_CLONES static void finish_f32(const float *restrict sums, const float *restrict bias,
                                   bool relu, int channels, float *restrict dst)
{
    for (int c = 0; c < channels; c++) {
        const float x = sums[c] + (bias ? bias[c] : 0);
        dst[c] = relu && x <= 0 ? 0 : x;
    }
}

/* The product of `rows` rows with `channels` output channels; a, b and c are left out. */
static Gemm product_of(const Im2col *p, int rows, int channels)
{
    return (Gemm){.rows = rows,
                  .cols = channels,
                  .depth = depth_of(p),
                  .a_row = depth_of(p),
                  .a_depth = 1,
                  .c_row = channels};
}

static int at_most(int limit, int x)
{
    return x < limit ? x : limit;
}

/* A block of rows: those of `count` pixels from `pixel`. */
typedef struct {
    const float *rows;
    int pixel, count;
} Block;

/* Output channels from `first` of a block. */
static void run_group(const Im2col *p, const Block *b, int first, const void *packed,
                      const float *bias, float *sums, void *dst)
{
    const int channels = at_most(GROUP, p->conv.out - first);
    const float *biases = bias ? bias + first : NULL;
    Gemm g = product_of(p, b->count, channels);
    g.a = b->rows;
    g.b = (const float *)packed + (ptrdiff_t)first * g.depth;
    g.c = sums;
    p->multiply(&g);
    for (int row = 0; row < b->count; row++) {
        const size_t at =
            (size_t)(b->pixel + row) * conv_problem_dst_stride(&p->conv) + (size_t)first;
        const float *x = sums + row * channels;
        if (p->conv.src_bf16)
            finish_bf16(x, biases, p->conv.relu, channels, (uint16_t *)dst + at);
        else
            finish_f32(x, biases, p->conv.relu, channels, (float *)dst + at);
    }
}

void im2col_run(const Im2col *p, const void *src, const void *packed, const float *bias, void *dst,
                void *scratch)
{
    const int pixels = gather_pixels(p), blocks = (pixels + BLOCK - 1) / BLOCK;
#pragma omp parallel num_threads(p->conv.threads)
    {
        const int64_t id = omp_get_thread_num(), team = omp_get_num_threads();
        char *mine = (char *)scratch + (size_t)id * thread_bytes(p);
        float *rows = (float *)(mine + gather_bytes(p)), *sums = rows + block_floats(p);
        Gather gather = gather_begin(p, src, mine);
        for (int64_t i = blocks * id / team; i < blocks * (id + 1) / team; i++) {
            const int first = (int)i * BLOCK;
            const Block b = {rows, first, at_most(BLOCK, pixels - first)};
            for (int row = 0; row < b.count; row++)
                gather_row(&gather, first + row, rows + (ptrdiff_t)row * depth_of(p));
            for (int o = 0; o < p->conv.out; o += GROUP)
                run_group(p, &b, o, packed, bias, sums, dst);
        }
    }
}
