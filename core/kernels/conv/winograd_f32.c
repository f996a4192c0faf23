/* core/kernels/conv/winograd_f32.c -- the transforms for float32 on CPUs with AVX-512; see
 * winograd_transforms.h. This file is compiled for them: nothing of it may run before the CPU was
 * asked. */
#include "core/kernels/conv/winograd_transforms.h"

#ifdef __AVX512F__

#include "core/kernels/conv/winograd_template.h"

#define EACH(MR) INSTANCE(MR, 0)
WINOGRAD_FOR_EACH(EACH)
#undef EACH

#define EACH(MR) INSTANCES(MR, 0)
static const WinogradTransforms TRANSFORMS[WINOGRAD_VARIANTS] = {WINOGRAD_FOR_EACH(EACH)};

const WinogradTransforms *winograd_transforms_f32(const Winograd *w)
{
    return &TRANSFORMS[w->variant];
}

#else

const WinogradTransforms *winograd_transforms_f32(const Winograd *w)
{
    (void)w;
    return NULL;
}

#endif
