/* core/base/numbers/half.h -- IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
#pragma once
#include <stdint.h>
#include <string.h>

/* Exact: every half is a float32. */
static inline float half_to_float(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = (bits >> 10) & 0x1fu, fraction = bits & 0x3ffu;
    if (exponent == 0 && fraction != 0) {  // subnormal there, normal here
        exponent = 1;
        for (; !(fraction & 0x400u); exponent--)
            fraction <<= 1;
        fraction &= 0x3ffu;
        exponent += 127 - 15;
    } else if (exponent != 0) {
        exponent = exponent == 0x1f ? 0xff : exponent + 127 - 15;
    }
    const uint32_t wide = sign | exponent << 23 | fraction << 13;
    float x;
    memcpy(&x, &wide, sizeof x);
    return x;
}
