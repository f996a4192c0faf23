#include "core/base/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "core/base/invariant.h"

/* These fail only without memory for a few hundred bytes, or without SHA-256 in libcrypto. */
Sha256 sha256_new(void)
{
    Sha256 hash = {.context = EVP_MD_CTX_new()};
    INVARIANT(hash.context && EVP_DigestInit_ex(hash.context, EVP_sha256(), NULL) == 1);
    return hash;
}

void sha256_add(Sha256 *hash, const void *bytes, size_t count)
{
    INVARIANT(EVP_DigestUpdate(hash->context, bytes, count) == 1);
    hash->bytes += count;
}

void sha256_hex(Sha256 *hash, char text[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    INVARIANT(EVP_DigestFinal_ex(hash->context, digest, &size) == 1 && size == 32);
    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(hash->context);
    hash->context = NULL;
}
