/* core/kernels/winograd_plain.c -- the transforms in plain C; see winograd_transforms.h. */
#include "core/base/simd.h"

#define TRANSFORM SIMD_CLONES static
#include "core/kernels/winograd_template.h"

#define EACH(MR) INSTANCE(MR, 0) INSTANCE(MR, 1)
WINOGRAD_FOR_EACH(EACH)
#undef EACH

#define EACH(MR) {INSTANCES(MR, 0) INSTANCES(MR, 1)},
static const WinogradTransforms TRANSFORMS[WINOGRAD_VARIANTS][2] = {WINOGRAD_FOR_EACH(EACH)};

const WinogradTransforms *winograd_transforms_plain(const Winograd *w)
{
    return &TRANSFORMS[w->variant][w->conv.src_bf16];
}
