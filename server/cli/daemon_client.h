/* server/cli/daemon_client.h -- one request to the daemon that has certain settings. */
#pragma once
#include "server/config.h"

typedef struct {
    const char *method, *path;
    const char *body;             // JSON; NULL: none
    const char *idempotency_key;  // NULL: none
    int timeout_seconds;          // for each of connecting, sending and receiving
} DaemonRequest;

typedef struct {
    int status;  // 0: what came is not HTTP
    char *body;  // or all that came, where that is not HTTP; with a final NUL
} DaemonAnswer;

/* Ask, with the token of the settings. ERR_INVALID: the settings do not say where; ERR_IO: nothing
 * answers there, or not in time. */
bool daemon_ask(const ServerConfig *config, const DaemonRequest *request, DaemonAnswer *answer,
                Error *err);
void daemon_answer_free(DaemonAnswer *answer);
