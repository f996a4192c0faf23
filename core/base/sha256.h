/* core/base/sha256.h -- the SHA-256 hash of bytes that come piece by piece, by libcrypto, which
 * uses the CPU's own instructions for it.
 *
 * Source   FIPS 180-4; OpenSSL's EVP_DigestInit(3).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    struct evp_md_ctx_st *context;
    uint64_t bytes;  // that have come
} Sha256;

Sha256 sha256_new(void);
void sha256_add(Sha256 *hash, const void *bytes, size_t count);
void sha256_hex(Sha256 *hash, char text[65]);  // the end: frees it
