#include "server/base/text/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* What stands before the data of "data:image/png;base64,AAAA"; 0 if it is none. */
static size_t data_url_head(const char *text, size_t length)
{
    static const char SCHEME[] = "data:", END[] = ";base64";
    const char *comma = memchr(text, ',', length);
    const size_t head = comma ? (size_t)(comma - text) : 0;
    const bool is_one = head >= strlen(SCHEME) + strlen(END)
                        && strncasecmp(text, SCHEME, strlen(SCHEME)) == 0
                        && strncasecmp(comma - strlen(END), END, strlen(END)) == 0;
    return is_one ? head + 1 : 0;
}

char *base64_decode_loosely(const char *text, size_t length, size_t *size)
{
    char *plain = xcalloc(length + 4, 1);
    size_t n = 0;
    for (size_t i = data_url_head(text, length); i < length; i++) {
        const char c = text[i];
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t')
            plain[n++] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    const bool padded = n > 0 && plain[n - 1] == '=';
    while (!padded && n % 4 > 1)
        plain[n++] = '=';
    char *bytes = base64_decode(plain, n, size);
    free(plain);
    return bytes;
}
