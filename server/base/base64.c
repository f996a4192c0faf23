#include "server/base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "core/base/memory.h"

char *base64_encode(const void *bytes, size_t size)
{
    char *text = xcalloc(4 * ((size + 2) / 3) + 1, 1);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    return text;
}

/* OpenSSL skips spaces at both ends and takes "=" anywhere in the last two places. */
static bool is_base64(const char *text, size_t length)
{
    if (length % 4 != 0 || length > INT_MAX)
        return false;
    size_t letters = length;
    while (letters > 0 && length - letters < 2 && text[letters - 1] == '=')
        letters--;
    for (size_t i = 0; i < letters; i++) {
        const char c = text[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+'
              || c == '/'))
            return false;
    }
    return true;
}

char *base64_decode(const char *text, size_t length, size_t *size)
{
    if (!is_base64(text, length))
        return NULL;
    unsigned char *bytes = xcalloc(length / 4 * 3 + 1, 1);
    if (length > 0)
        EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    *size = length / 4 * 3;
    for (size_t i = length; i > 0 && text[i - 1] == '='; i--)
        (*size)--;
    bytes[*size] = '\0';
    return (char *)bytes;
}
