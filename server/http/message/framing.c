#include "server/http/message/framing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char CODE[] = "malformed_request";

/* RFC 9110, 5.6.2 */
static bool is_token(const char *text, size_t length)
{
    static const char OTHERS[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && (!c || !strchr(OTHERS, c)))
            return false;
    }
    return length > 0;
}

static bool has_control_characters(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool check_fields(const HeaderList *headers, Response *res)
{
    for (int i = 0; i < headers->count; i++) {
        const Header *h = &headers->items[i];
        if (!is_token(h->name, h->name_length))
            return request_reject(res, 400, CODE, "a header's name must be a token, got \"%.60s\"",
                                  h->name);
        if (has_control_characters(h->value, h->value_length))
            return request_reject(res, 400, CODE, "the header %.60s has control characters",
                                  h->name);
    }
    return true;
}

/* A name, an IPv4 address, or an IPv6 address in brackets, with a port or without. */
static bool is_host(const char *host)
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-~%"
                               "!$&'()*+,;=";
    size_t n;
    if (*host == '[') {
        n = strspn(host + 1, "0123456789abcdefABCDEF:.") + 1;
        if (host[n] != ']')
            return false;
        n++;
    } else {
        n = strspn(host, NAME);
    }
    if (host[n] == ':')
        n += 1 + strspn(host + n + 1, "0123456789");
    return host[n] == '\0';
}

static bool check_host(const HeaderList *headers, const char *version, Response *res)
{
    const char *host = header_list_get(headers, "Host");
    if (header_list_count(headers, "Host") > 1)
        return request_reject(res, 400, CODE, "the request has more than one Host");
    if (!host && strcmp(version, "HTTP/1.0") != 0)
        return request_reject(res, 400, CODE, "the request has no Host");
    if (host && !is_host(host))
        return request_reject(res, 400, CODE, "Host must be a host and a port, got \"%.100s\"",
                              host);
    return true;
}

static bool check_length(const HeaderList *headers, const char *version, Response *res)
{
    const char *length = header_list_get(headers, "Content-Length");
    const char *coding = header_list_get(headers, "Transfer-Encoding");
    if (header_list_count(headers, "Content-Length") > 1)
        return request_reject(res, 400, CODE, "the request has more than one Content-Length");
    if (length
        && (!*length || strlen(length) > 18 || strspn(length, "0123456789") != strlen(length)))
        return request_reject(res, 400, CODE, "Content-Length must be digits, got \"%.60s\"",
                              length);
    if (!coding)
        return true;
    if (length)
        return request_reject(res, 400, CODE,
                              "the request has both Content-Length and Transfer-Encoding");
    if (strcmp(version, "HTTP/1.0") == 0)
        return request_reject(res, 400, CODE, "HTTP/1.0 has no Transfer-Encoding");
    if (header_list_count(headers, "Transfer-Encoding") > 1 || strcasecmp(coding, "chunked") != 0)
        return request_reject(res, 501, NULL,
                              "the only Transfer-Encoding known here is chunked, got \"%.60s\"",
                              coding);
    return true;
}

static bool check_expectation(const HeaderList *headers, Response *res)
{
    const char *expect = header_list_get(headers, "Expect");
    if (!expect || strcasecmp(expect, "100-continue") == 0)
        return true;
    return request_reject(res, 417, NULL,
                          "the only Expect known here is 100-continue, got \"%.60s\"", expect);
}

bool framing_check(const HeaderList *headers, const char *version, Response *res)
{
    return check_fields(headers, res) && check_host(headers, version, res)
           && check_length(headers, version, res) && check_expectation(headers, res);
}

bool framing_has_fold(const char *fields, size_t size)
{
    enum { ZEROS = 4 };  // an end of line, a name of one letter, its colon
    size_t zeros = 0;
    for (size_t i = 0; i < size; i++) {
        if (fields[i] && zeros >= ZEROS)
            return true;
        zeros = fields[i] ? 0 : zeros + 1;
    }
    return false;
}

bool framing_target_is_plain(const char *target)
{
    return *target && !strpbrk(target, " \t") && !has_control_characters(target, strlen(target));
}

long long framing_body_length(const HeaderList *headers)
{
    const char *length = header_list_get(headers, "Content-Length");
    if (header_list_get(headers, "Transfer-Encoding"))
        return -1;
    return length ? strtoll(length, NULL, 10) : 0;
}

bool framing_expects_continue(const HeaderList *headers)
{
    return header_list_get(headers, "Expect") != NULL;
}
