/* server/base/sha256.h -- the SHA-256 hash of bytes that come piece by piece.
 *
 * Source   FIPS 180-4, sections 5 and 6.2.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];  // the last bytes, of a block that is not full yet
} Sha256;

Sha256 sha256_new(void);
void sha256_add(Sha256 *hash, const void *bytes, size_t count);
void sha256_hex(Sha256 *hash, char text[65]);  // the end: nothing can be added any more
