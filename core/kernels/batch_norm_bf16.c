/* core/kernels/batch_norm_bf16.c -- the passes of batch normalisation over bfloat16 on CPUs that
 * round to it themselves; see batch_norm_rows.h. This file is compiled for them: nothing of it may
 * run before the CPU was asked. */
#include "core/kernels/batch_norm_rows.h"

#ifdef __AVX512BF16__

#define CLONES
#include "core/kernels/batch_norm_template.h"

INSTANCE(bf16, true)

static const BatchNormPasses ALL = PASSES(bf16);
const BatchNormPasses *const BATCH_NORM_BF16 = &ALL;

#else

const BatchNormPasses *const BATCH_NORM_BF16 = NULL;

#endif
