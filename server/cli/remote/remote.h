/* server/cli/remote/remote.h -- the daemon that a command names with --server.
 *
 * Plain HTTP: a daemon that is reached through TLS stands behind a proxy, which these commands do
 * not talk to.
 *
 * Errors   ERR_INVALID: the address, or what the daemon says of a request, with its status and all
 *          fields that it names. ERR_IO: nothing answers there, not in time, or not all of it.
 */
#pragma once
#include <cJSON.h>

#include "core/base/error.h"
#include "server/config.h"

typedef struct {
    const char *server;      // "http://127.0.0.1:8080", of a name or an address
    const char *token_file;  // NULL: the token is in GOOGLENETD_TOKEN, or there is none
} RemoteAddress;

/* Options of a command whose settings have a RemoteAddress `remote`. */
// clang-format off
#define REMOTE_OPTIONS(Settings) \
    {"server", "URL", "ask the daemon there, http://HOST:PORT; MODEL is a name that it knows", \
     OPTION_TEXT, .offset = offsetof(Settings, remote.server)}, \
    {"token-file", "FILE", "its token; else GOOGLENETD_TOKEN", OPTION_TEXT, \
     .offset = offsetof(Settings, remote.token_file)}
// clang-format on

/* Where a daemon is, as --server says it: "http://HOST:PORT", of a name or an address, becomes
 * config->listen. */
bool remote_server(const char *server, ServerConfig *config, Error *err);

typedef struct Remote Remote;

bool remote_open(const RemoteAddress *address, Remote **remote, Error *err);
void remote_close(Remote *remote);  // takes NULL

/* Whether a text may be a reference to a model: NAME, NAME@VERSION or NAME@ALIAS. */
bool remote_reference(const char *model, Error *err);

/* `body`: JSON; NULL: none. *json, the answer, an object, is the caller's. `json` may be NULL: then
 * the answer may be anything. */
bool remote_call(Remote *remote, const char *method, const char *path, const char *body,
                 cJSON **json, Error *err);

/* GET into a file that is there whole or not at all. ERR_INVALID: the answer is not of that content
 * type. `bytes` may be NULL. */
bool remote_save(Remote *remote, const char *path, const char *type, const char *file,
                 size_t *bytes, Error *err);
