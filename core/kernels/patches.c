#include "core/kernels/patches.h"

#include <omp.h>
#include <string.h>

#include "core/base/bf16.h"
#include "core/base/simd.h"
#include "core/kernels/panels.h"
#include "core/kernels/patches_gather.h"

/* DESIGN. Each thread takes a range of pixels, gathers a block of patches into its cache,
 * multiplies it with the weights, a group of output channels after the other, and writes what comes
 * out.
 */

enum {
    BLOCK = 64,              // pixels at a time
    GROUP = 2 * GEMM_PANEL,  // output channels at a time
};

static int depth_of(const Patches *p)
{
    return gather_count(p) / (p->bf16 ? 2 : 1);
}

size_t patches_weights_bytes(const Patches *p)
{
    return (size_t)depth_of(p) * (size_t)p->out * sizeof(float);
}

static size_t patch_floats(const Patches *p)
{
    return ((size_t)BLOCK * (size_t)depth_of(p) + GATHER_SLACK + 15) / 16 * 16;
}

static size_t thread_bytes(const Patches *p)
{
    return gather_bytes(p) + (patch_floats(p) + BLOCK * GROUP) * sizeof(float);
}

size_t patches_scratch_bytes(const Patches *p)
{
    return (size_t)p->threads * thread_bytes(p);
}

/* ---- Weights ---- */

/* The weight that number j of a patch meets: none where a run was made even. */
static float weight_at(const Patches *p, const float *weights, int o, int j)
{
    const int run = gather_run(p), u = j / run, v = j % run / p->in, c = j % run % p->in;
    return v < p->kernel ? weights[((o * p->in + c) * p->kernel + u) * p->kernel + v] : 0;
}

void patches_pack(const Patches *p, const float *weights, void *packed)
{
    const int depth = depth_of(p);
#pragma omp parallel for schedule(static)
    for (int k = 0; k < depth; k++) {
        for (int o = 0; o < p->out; o++) {
            const int panel = o / GEMM_PANEL * GEMM_PANEL, width = panel_width(p->out, panel);
            char *to =
                (char *)packed + sizeof(float) * (size_t)(panel * depth + k * width + o - panel);
            if (p->bf16) {
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

/* A row of sums, biased and, with `relu`, no less than 0. */
SIMD_CLONES static void finish_bf16(const float *restrict sums, const float *restrict bias,
                                    bool relu, int channels, uint16_t *restrict dst)
{
    for (int c = 0; c < channels; c++) {
        const float x = sums[c] + bias[c];
        dst[c] = float_to_bf16(relu && !(x > 0) ? 0 : x);
    }
}

SIMD_CLONES static void finish_f32(const float *restrict sums, const float *restrict bias,
                                   bool relu, int channels, float *restrict dst)
{
    for (int c = 0; c < channels; c++) {
        const float x = sums[c] + bias[c];
        dst[c] = relu && !(x > 0) ? 0 : x;
    }
}

/* The product of `rows` patches with `channels` output channels; a, b and c are left out. */
static Gemm product_of(const Patches *p, int rows, int channels)
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

/* The first and the last block and group have all the sizes that there are. */
bool patches_add_brgemms(const Patches *p, Error *err)
{
    const int pixels = gather_pixels(p);
    const int rows[] = {at_most(BLOCK, pixels), (pixels - 1) % BLOCK + 1};
    const int channels[] = {at_most(GROUP, p->out), (p->out - 1) % GROUP + 1};
    for (int i = 0; i < 4; i++) {
        const Gemm shape = product_of(p, rows[i / 2], channels[i % 2]);
        if (!brgemms_add(p->brgemms, &shape, err))
            return false;
    }
    return true;
}

/* Output channels from `first` of `rows` pixels from `pixel`. */
static void run_group(const Patches *p, const float *patches, int pixel, int rows, int first,
                      const void *packed, const float *bias, bool relu, float *sums, void *dst)
{
    const int channels = at_most(GROUP, p->out - first);
    Gemm g = product_of(p, rows, channels);
    g.a = patches;
    g.b = (const float *)packed + (ptrdiff_t)first * g.depth;
    g.c = sums;
    brgemms_or(p->brgemms, p->multiply, &g);
    for (int row = 0; row < rows; row++) {
        const ptrdiff_t at = (ptrdiff_t)(pixel + row) * p->out + first;
        if (p->bf16)
            finish_bf16(sums + row * channels, bias + first, relu, channels, (uint16_t *)dst + at);
        else
            finish_f32(sums + row * channels, bias + first, relu, channels, (float *)dst + at);
    }
}

void patches_run(const Patches *p, const void *src, const void *packed, const float *bias,
                 bool relu, void *dst, void *scratch)
{
    const int pixels = gather_pixels(p), blocks = (pixels + BLOCK - 1) / BLOCK;
#pragma omp parallel num_threads(p->threads)
    {
        const int64_t id = omp_get_thread_num(), team = omp_get_num_threads();
        char *mine = (char *)scratch + (size_t)id * thread_bytes(p);
        float *patches = (float *)(mine + gather_bytes(p)), *sums = patches + patch_floats(p);
        Gather gather = gather_begin(p, src, mine);
        for (int64_t b = blocks * id / team; b < blocks * (id + 1) / team; b++) {
            const int first = (int)b * BLOCK, rows = at_most(BLOCK, pixels - first);
            for (int row = 0; row < rows; row++)
                gather_patch(&gather, first + row, patches + (ptrdiff_t)row * depth_of(p));
            for (int o = 0; o < p->out; o += GROUP)
                run_group(p, patches, first, rows, o, packed, bias, relu, sums, dst);
        }
    }
}
