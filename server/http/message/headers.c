#include "server/http/message/headers.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* "0.25", not empty, in thousandths; 0 for what does not begin with 0 or 1. */
static int read_quality(const char *text, const char *end)
{
    if (*text != '0' && *text != '1')
        return 0;
    int quality = *text == '1' ? 1000 : 0, scale = 100;
    if (text + 1 < end && text[1] == '.')
        for (const char *d = text + 2; d < end && *d >= '0' && *d <= '9'; d++, scale /= 10)
            quality += (*d - '0') * scale;
    return quality > 1000 ? 1000 : quality;
}

/* The weight of one Accept item in thousandths; 1000 without a "q". */
static int item_quality(const char *item, size_t length)
{
    const char *end = item + length;
    for (const char *p = item; (p = memchr(p, ';', (size_t)(end - p))) != NULL;) {
        p = skip_blanks(p + 1);
        if (end - p >= 3 && (*p | 0x20) == 'q' && p[1] == '=')
            return read_quality(p + 2, end);
    }
    return 1000;
}

/* How closely one item fits an offer: 3 exact, 2 "text/ *", 1 everything, 0 not. */
static int item_fit(const char *item, size_t length, const char *offer)
{
    const size_t n = strcspn(item, ",; \t");
    const size_t type = n < length ? n : length;
    if (type == 3 && memcmp(item, "*/*", 3) == 0)
        return 1;
    const size_t offered = strcspn(offer, ";");
    if (type == offered && strncasecmp(item, offer, type) == 0)
        return 3;
    if (type >= 2 && item[type - 1] == '*' && item[type - 2] == '/'
        && strncasecmp(item, offer, type - 1) == 0)
        return 2;
    return 0;
}

static int offer_quality(const char *accept, const char *offer)
{
    int best_fit = 0, quality = 0;
    for (const char *p = accept; *p;) {
        p = skip_blanks(p);
        const size_t length = strcspn(p, ",");
        const int fit = item_fit(p, length, offer);
        if (fit > best_fit) {
            best_fit = fit;
            quality = item_quality(p, length);
        }
        p += length + (p[length] == ',');
    }
    return quality;
}

int accept_choose(const char *accept, const char *const *offers, int count)
{
    if (!accept || !*skip_blanks(accept))
        return 0;
    int best = -1, best_quality = 0;
    for (int i = 0; i < count; i++) {
        const int quality = offer_quality(accept, offers[i]);
        if (quality > best_quality) {
            best = i;
            best_quality = quality;
        }
    }
    return best;
}

bool content_type_is(const char *content_type, const char *want)
{
    if (!content_type)
        return false;
    content_type = skip_blanks(content_type);
    const size_t n = strcspn(content_type, "; \t");
    return n == strlen(want) && strncasecmp(content_type, want, n) == 0;
}

/* Digits at *p as a number; false if there are none or too many. */
static bool take_digits(const char **p, int64_t *value)
{
    const char *start = *p;
    *value = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (*p - start >= 18)
            return false;
        *value = *value * 10 + (**p - '0');
    }
    return *p > start;
}

RangeKind range_parse(const char *header, int64_t size, int64_t *first, int64_t *last)
{
    if (!header || strncasecmp(header, "bytes=", 6) != 0)
        return RANGE_NONE;
    const char *p = skip_blanks(header + 6);
    int64_t a, b;
    if (*p == '-') {  // the last b bytes
        p++;
        if (!take_digits(&p, &b) || *skip_blanks(p))
            return RANGE_NONE;
        *first = b < size ? size - b : 0;
        *last = size - 1;
        return b == 0 || size == 0 ? RANGE_UNSATISFIABLE : RANGE_PART;
    }
    if (!take_digits(&p, &a) || *p++ != '-')
        return RANGE_NONE;
    b = size - 1;
    if (*p >= '0' && *p <= '9' && (!take_digits(&p, &b) || b < a))
        return RANGE_NONE;
    if (*skip_blanks(p))
        return RANGE_NONE;
    *first = a;
    *last = b < size ? b : size - 1;
    return a >= size ? RANGE_UNSATISFIABLE : RANGE_PART;
}

const char *bearer_token(const char *authorization)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    const char *token = skip_blanks(authorization + 7);
    return *token ? token : NULL;
}

bool secret_equal(const char *given, const char *secret)
{
    const size_t given_length = strlen(given), length = strlen(secret);
    // Walks over `given` to its end whatever it finds; the secret is read around in a ring.
    volatile unsigned char difference = given_length != length;
    for (size_t i = 0; i < given_length; i++) {
        const char s = length ? secret[i % length] : '\0';
        difference = (unsigned char)(difference | (given[i] ^ s));
    }
    return difference == 0 && length > 0;
}

bool host_is_local_name(const char *host)
{
    char name[64];
    struct in6_addr address;
    if (!host || !*host)
        return true;  // HTTP/1.0; a browser always sends one
    const bool bracket = *host == '[';
    const size_t n = bracket ? strcspn(host + 1, "]") : strcspn(host, ":");
    if (n >= sizeof name)
        return false;
    memcpy(name, host + bracket, n);
    name[n] = '\0';
    // "localhost." is the same name, in full.
    if (!bracket && n > 1 && name[n - 1] == '.')
        name[n - 1] = '\0';
    const char *rest = host + n + (bracket ? 2 : 0);
    if (bracket && host[n + 1] != ']')
        return false;
    if (*rest && (*rest != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1)))
        return false;
    if (bracket)
        return inet_pton(AF_INET6, name, &address) == 1;
    const size_t suffix = strlen(".localhost");
    const size_t length = strlen(name);
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1
           || (length > suffix && strcasecmp(name + length - suffix, ".localhost") == 0);
}

bool origin_is_host(const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    return authority && host && strcasecmp(authority + 3, host) == 0;
}
