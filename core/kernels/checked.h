/* core/kernels/checked.h -- CHECKED_ACCESSES is defined where a sanitizer looks at every load and
 * store. Unrolled, a kernel takes minutes to compile there: such builds get the same loads and
 * stores in loops. */
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CHECKED_ACCESSES
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHECKED_ACCESSES
#endif
