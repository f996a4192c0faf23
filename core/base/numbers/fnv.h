/* core/base/numbers/fnv.h -- FNV-1a of 64 bits: a hash of bytes that nobody chooses to collide.
 *
 * Source   Fowler, Noll, Vo; the constants of draft-eastlake-fnv.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline uint64_t fnv1a(const char *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3;
    return hash;
}
