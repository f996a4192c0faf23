/* server/cli/remote/daemon_client.h -- one request to the daemon that has certain settings. */
#pragma once
#include "core/base/error.h"
#include "server/config.h"

typedef struct {
    const char *method, *path;
    const char *body;             // JSON; NULL: none
    const char *idempotency_key;  // NULL: none
    const char *accept;           // NULL: whatever comes
    size_t most;                  // bytes of an answer; 0: a million
    int timeout_seconds;          // for each of connecting, sending and receiving
} DaemonRequest;

typedef struct {
    int status;     // 0: what came is not HTTP
    char type[64];  // of the content, without its parameters; "": it is not said
    char *body;     // or all that came, where that is not HTTP; with a final NUL
    size_t size;    // without that
} DaemonAnswer;

/* Ask, with the token of the settings. ERR_INVALID: the settings do not say where; ERR_IO: nothing
 * answers there, not in time, or the answer is cut off or too long. */
bool daemon_ask(const ServerConfig *config, const DaemonRequest *request, DaemonAnswer *answer,
                Error *err);
void daemon_answer_free(DaemonAnswer *answer);

/* Of an answer that no daemon gives: another server's. ERR_INVALID in a sentence; returns false. */
bool daemon_answer_strange(Error *err);
