/* core/kernels/conv/winograd_bf16.c -- the transforms for bfloat16 on CPUs that round to it
 * themselves; see winograd_transforms.h. This file is compiled for them: nothing of it may run
 * before the CPU was asked. */
#include "core/kernels/conv/winograd_transforms.h"

#ifdef __AVX512BF16__

#include "core/kernels/conv/winograd_template.h"

#define EACH(MR) INSTANCE(MR, 1)
WINOGRAD_FOR_EACH(EACH)
#undef EACH

#define EACH(MR) INSTANCES(MR, 1)
static const WinogradTransforms TRANSFORMS[WINOGRAD_VARIANTS] = {WINOGRAD_FOR_EACH(EACH)};

const WinogradTransforms *winograd_transforms_bf16(const Winograd *w)
{
    return &TRANSFORMS[w->variant];
}

#else

const WinogradTransforms *winograd_transforms_bf16(const Winograd *w)
{
    (void)w;
    return NULL;
}

#endif
