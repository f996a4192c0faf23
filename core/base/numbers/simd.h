/* core/base/numbers/simd.h -- one plain C loop, compiled for several instruction sets. */
#pragma once

/* Before a static function: GCC compiles it for each of these instruction sets, and the loader
 * picks the best one for the CPU. Under sanitizers, which run before the loader has chosen, and
 * with other compilers and machines there is only the plain loop. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)                                \
    && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define SIMD_CLONES
#endif
