/* core/kernels/batch_norm_rows.h -- the passes of core/kernels/batch_norm.c over the pixels of one
 * thread. Two files have them: one for any CPU, one for those that round to bfloat16. */
#pragma once
#include "core/kernels/batch_norm.h"

typedef struct {
    size_t pixels, channels;
    size_t padded;  // channels, to whole vectors
    size_t stride;  // numbers from one pixel of dst, or of its gradient, to the next
} BatchNormRows;

typedef struct {
    /* sums[c] += x - centre[c]; sums[padded + c] += its square. */
    void (*statistics)(const BatchNormRows *r, const void *src, const float *centre, double *sums);
    void (*values)(const BatchNormRows *r, void *dst, const void *src, const BatchNormTerms *t);
    /* sums[c] += dy; sums[padded + c] += dy * (x - mean) */
    void (*grad_sums)(const BatchNormRows *r, const void *diff_dst, const void *src,
                      const BatchNormTerms *t, double *sums);
    void (*grad)(const BatchNormRows *r, void *diff_src, const void *diff_dst, const void *src,
                 const BatchNormTerms *t);
} BatchNormPasses;

extern const BatchNormPasses BATCH_NORM_PLAIN[2];  // float32, bfloat16
/* NULL where it was not compiled. For CPUs that gemm_kernel has a bfloat16 kernel for. */
extern const BatchNormPasses *const BATCH_NORM_BF16;
