/* core/kernels/conv/winograd_plain.c -- the transforms in plain C, for any CPU; see
 * winograd_transforms.h. Tests compare with them: where there are no fast products, oneDNN computes
 * convolutions. */
#define WINOGRAD_ROLLED
#include "core/kernels/conv/winograd_template.h"

#define EACH(MR) INSTANCE(MR, 0) INSTANCE(MR, 1)
WINOGRAD_FOR_EACH(EACH)
#undef EACH

#define EACH(MR) {INSTANCES(MR, 0) INSTANCES(MR, 1)},
static const WinogradTransforms TRANSFORMS[WINOGRAD_VARIANTS][2] = {WINOGRAD_FOR_EACH(EACH)};

const WinogradTransforms *winograd_transforms_plain(const Winograd *w)
{
    return &TRANSFORMS[w->variant][w->conv.src_bf16];
}
