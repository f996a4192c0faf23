/* tests/core/kernels/nan_bits.h -- the numbers that are easily lost: NaNs of either sign, quiet as
 * arithmetic gives them, and infinities. x86's own NaN has its sign bit set. */
#pragma once
#include <stdint.h>
#include <string.h>

static const uint32_t ODD_BITS[] = {0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff,
                                    0x7fc10000, 0xffff0000, 0x7f800000, 0xff800000};

static inline float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
