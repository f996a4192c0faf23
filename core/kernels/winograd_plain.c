/* core/kernels/winograd_plain.c -- the transforms in plain C; see winograd_transforms.h. */
#include "core/base/simd.h"

#define TRANSFORM SIMD_CLONES static
#include "core/kernels/winograd_template.h"

#define EACH(FORM) INSTANCE(FORM, 0) INSTANCE(FORM, 1)
WINOGRAD_FOR_EACH(EACH)
#undef EACH

#define EACH(FORM) {INSTANCES(FORM, 0) INSTANCES(FORM, 1)},
static const WinogradTransforms TRANSFORMS[WINOGRAD_FORMS][2] = {WINOGRAD_FOR_EACH(EACH)};

const WinogradTransforms *winograd_transforms_plain(const Winograd *w)
{
    return &TRANSFORMS[w->form][w->bf16];
}
