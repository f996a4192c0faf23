/* core/kernels/batch_norm_plain.c -- the passes of batch normalisation for any CPU; see
 * batch_norm_rows.h. */
#include "core/base/numbers/simd.h"

#define CLONES SIMD_CLONES
#include "core/kernels/batch_norm_template.h"

INSTANCE(f32, false)
INSTANCE(bf16, true)

const BatchNormPasses BATCH_NORM_PLAIN[2] = {PASSES(f32), PASSES(bf16)};
