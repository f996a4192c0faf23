#include "server/listen_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool listen_address_parse(const char *listen, ListenAddress *address, Error *err)
{
    const char *colon = strrchr(listen, ':');
    char *end = NULL;
    const long port = colon ? strtol(colon + 1, &end, 10) : -1;
    const size_t length = colon ? (size_t)(colon - listen) : 0;
    if (!colon || !isdigit((unsigned char)colon[1]) || *end || port > 65535 || length == 0
        || length >= sizeof address->host)
        return fail(err, ERR_INVALID, "must be address:port, got \"%.80s\"", listen);
    const bool brackets = listen[0] == '[' && listen[length - 1] == ']';
    *address = (ListenAddress){.port = (int)port};
    snprintf(address->host, sizeof address->host, "%.*s", (int)(length - 2 * brackets),
             listen + brackets);
    if (strcasecmp(address->host, "localhost") == 0)
        strcpy(address->host, "127.0.0.1");
    struct in_addr v4;
    struct in6_addr v6;
    if (!brackets && inet_pton(AF_INET, address->host, &v4) == 1)
        address->loopback = ntohl(v4.s_addr) >> 24 == 127;
    else if (brackets && inet_pton(AF_INET6, address->host, &v6) == 1)
        address->loopback = IN6_IS_ADDR_LOOPBACK(&v6);
    else
        return fail(err, ERR_INVALID,
                    "must begin with a numeric address, IPv6 in brackets, got \"%.80s\"", listen);
    return true;
}
