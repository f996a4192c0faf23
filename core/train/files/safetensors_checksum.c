#include "core/train/files/safetensors_checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { DIGITS = 8 };
static const char START[] = "{\"__metadata__\":{\"" CHECKSUM_KEY "\":\"crc32:";
static const char ZEROS[] = "00000000";

size_t checksum_position(const char *header, size_t length)
{
    const size_t start = strlen(START);
    const bool there = length > start + DIGITS && memcmp(header, START, start) == 0
                       && header[start + DIGITS] == '"';
    return there ? start : 0;
}

uint32_t checksum_header(const char *header, size_t length)
{
    const size_t start = strlen(START);
    uint32_t crc = checksum_add(0, header, start);
    crc = checksum_add(crc, ZEROS, DIGITS);
    return checksum_add(crc, header + start + DIGITS, length - start - DIGITS);
}

uint32_t checksum_add(uint32_t crc, const void *bytes, size_t size)
{
    return (uint32_t)crc32_z(crc, bytes, size);
}

void checksum_write(uint32_t crc, char *digits)
{
    char text[DIGITS + 1];
    snprintf(text, sizeof text, "%08" PRIx32, crc);
    memcpy(digits, text, DIGITS);
}

bool checksum_equal(uint32_t crc, const char *digits)
{
    char text[DIGITS];
    checksum_write(crc, text);
    return memcmp(text, digits, DIGITS) == 0;
}
