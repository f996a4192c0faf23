/* core/train/files/safetensors_checksum.h -- the checksum at the start of a safetensors header. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_KEY   "checksum"
#define CHECKSUM_ZEROS "crc32:00000000"

/* Offset of the checksum's digits in the `length` bytes of a header; 0 if it has none. */
size_t checksum_position(const char *header, size_t length);

/* CRC-32 of a header in which the digits are zeros; continue with checksum_add for the data. */
uint32_t checksum_header(const char *header, size_t length);
uint32_t checksum_add(uint32_t crc, const void *bytes, size_t size);

/* Write 8 lower-case hexadecimal digits, without a NUL. */
void checksum_write(uint32_t crc, char *digits);
bool checksum_equal(uint32_t crc, const char *digits);
