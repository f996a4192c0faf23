/* core/base/numbers/byte_order.h -- numbers of files, in the byte order that their formats fix. */
#pragma once
#include <stdint.h>

/* Four bytes, the most significant first; `at` need not be aligned. */
static inline uint32_t read_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Four bytes, the least significant first. */
static inline uint32_t read_le32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}
