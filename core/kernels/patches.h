/* core/kernels/patches.h -- convolutions as products of gathered patches, for any window.
 *
 *   forward            dst[pixel][o]  = sum over j of patch[pixel][j] * weights[o][j], + bias, ReLU
 *   backward weights   sums[o][j]    += sum over pixels of diff_dst[pixel][o] * patch[pixel][j]
 *
 * A patch is what the window sees from one pixel of dst: `kernel` runs of kernel * in neighbouring
 * numbers of the image padded with zeros. It is gathered into cache and multiplied from there.
 *
 * Shapes    src batch x height x width x in, dst batch x dst_height x dst_width x out, both
 *           channels-last, dense; plain weights out x in x kernel x kernel, float32. Forward wants
 *           `out` to be a multiple of VEC.
 * Precision float32, or bfloat16 with sums in float32: that of the direct sum.
 */
#pragma once
#include "core/kernels/brgemm.h"

typedef struct {
    bool bf16;             // type of src, dst and diff_dst; else float32
    GemmKernel *multiply;  // for that type
    int batch;
    int height, width, in;
    int dst_height, dst_width, out;
    int kernel, stride, pad;
    int threads;       // of the team that will work
    Brgemms *brgemms;  // multiply instead, where there are any: see patches_add_brgemms
} Patches;

/* Make the kernels of p->brgemms for forward, or for backward weights. */
bool patches_add_brgemms(const Patches *p, Error *err);
bool patches_grad_add_brgemms(const Patches *p, Error *err);

/* Bytes of packed weights, and of working memory. All memory that is handed over must be 64-byte
 * aligned. */
size_t patches_weights_bytes(const Patches *p);
size_t patches_scratch_bytes(const Patches *p);
void patches_pack(const Patches *p, const float *weights, void *packed);

/* src -> dst. */
void patches_run(const Patches *p, const void *src, const void *packed, const float *bias,
                 bool relu, void *dst, void *scratch);

/* Numbers in the sums: a layout of its own, to add up many batches in. */
size_t patches_grad_sums(const Patches *p);
size_t patches_grad_scratch_bytes(const Patches *p);
void patches_grad(const Patches *p, const void *src, const void *diff_dst, float *sums,
                  void *scratch);
/* Sums -> plain weights, set or added. */
void patches_grad_end(const Patches *p, const float *sums, bool accumulate, float *weights);
