/* server/listen_address.h -- an address to listen at, or to reach a daemon at, in its parts. */
#pragma once
#include <stdbool.h>

#include "core/base/error.h"

typedef struct {
    char host[64];  // numeric, IPv6 without brackets
    int port;       // 0: any free one
    bool loopback;  // reached from this machine alone
} ListenAddress;

/* "127.0.0.1:8080", "[::1]:8080", "localhost:0". ERR_INVALID: not "host:port" with a numeric host
 * or "localhost". */
bool listen_address_parse(const char *listen, ListenAddress *address, Error *err);
