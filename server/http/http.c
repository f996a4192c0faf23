#include "server/http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/http/exchange/handler.h"
#include "server/http/exchange/receive.h"
#include "server/http/exchange/server.h"
#include "server/http/exchange/stream.h"
#include "server/http/exchange/watch.h"
#include "server/http/pages.h"

enum {
    CONNECTION_BYTES = 2 * FIELDS_MAX,  // libmicrohttpd's pool for one; it refuses what has no room
    BACKLOG = 511,
    SPARE_CONNECTIONS = 64,  // between our limit, which makes room, and libmicrohttpd's
    STOP_WAIT_MS = 800,      // for answers under way when the daemon stops
};

static const double HANDLERS_STOP_SECONDS = 0.4;  // for each kind

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Address;

/* ---- libmicrohttpd's callbacks, in its types ---- */

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **context)
{
    const RequestPart part = {method, version, upload, upload_size};
    (void)cls;
    (void)connection;
    (void)url;  // receive_begin has seen it as it came
    return *context && receive_part(*context, part) ? MHD_YES : MHD_NO;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)connection;
    (void)how;
    if (*context)
        receive_end(*context);
    *context = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    Http *http = cls;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context)
            connection_leave(http, *socket_context);
        *socket_context = NULL;
        return;
    }
    const int fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    *socket_context = connection_enter(http, connection, fd, address);
    if (!*socket_context)
        shutdown(fd, SHUT_RDWR);
}

/* We take paths and queries apart ourselves. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *fmt, va_list args)
{
    const Http *http = cls;
    char line[512];
    if (!log_wants(http->config.log, LOG_DEBUG))
        return;
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    LOG(http->config.log, LOG_DEBUG, "http", log_text("message", line));
}

/* ---- Start ---- */

static void fill_in(HttpConfig *c)
{
    c->address = c->address ? c->address : "127.0.0.1";
    c->token = c->token && *c->token ? c->token : NULL;
    c->web = c->web && *c->web ? c->web : NULL;
    c->read_token = c->read_token && *c->read_token ? c->read_token : NULL;
    c->hosts = c->hosts && *c->hosts ? c->hosts : NULL;
    c->threads = c->threads ? c->threads : 2;
    c->handlers = c->handlers ? c->handlers : 4;
    c->waiting = c->waiting ? c->waiting : 256;
    c->connections = c->connections ? c->connections : 1024;
    c->connections_per_address = c->connections_per_address ? c->connections_per_address : 256;
    c->predictors = c->predictors ? c->predictors : 64;
    c->predict_bytes = c->predict_bytes ? c->predict_bytes : 16 << 20;
    c->bodies = c->bodies ? c->bodies : 16;
    c->body_bytes_per_second = c->body_bytes_per_second > 0 ? c->body_bytes_per_second : 1024;
    c->body_bytes = c->body_bytes ? c->body_bytes : 1 << 20;
    c->request_seconds = c->request_seconds > 0 ? c->request_seconds : 30;
    c->idle_seconds = c->idle_seconds > 0 ? c->idle_seconds : 60;
    c->heartbeat_seconds = c->heartbeat_seconds > 0 ? c->heartbeat_seconds : 15;
}

static bool parse_address(const char *text, int port, Address *address, socklen_t *size)
{
    *address = (Address){0};
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        *size = sizeof address->v4;
        return true;
    }
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons((uint16_t)port);
    *size = sizeof address->v6;
    return inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1;
}

static bool is_loopback(const Address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

/* A socket that listens, or -1 with *err set. */
static int listen_on(const HttpConfig *config, Error *err)
{
    Address address;
    socklen_t size;
    const int on = 1;
    if (!parse_address(config->address, config->port, &address, &size)) {
        fail(err, ERR_INVALID, "listen address must be numeric, got %s", config->address);
        return -1;
    }
    if (!is_loopback(&address) && !config->token) {
        fail(err, ERR_INVALID,
             "listening on %s, beyond loopback, needs a token: set GOOGLENETD_TOKEN or token_file",
             config->address);
        return -1;
    }
    const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
        && bind(fd, &address.any, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    fail(err, ERR_IO, "listen on %s port %d: %s%s", config->address, config->port, strerror(errno),
         errno == EADDRINUSE ? ": another program has it, perhaps a googlenetd that runs already"
                             : "");
    if (fd >= 0)
        close(fd);
    return -1;
}

static struct MHD_Daemon *start_daemon(Http *http)
{
    const HttpConfig *c = &http->config;
    const unsigned connections = (unsigned)(c->connections + SPARE_CONNECTIONS * c->threads);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    Address address = {0};
    socklen_t size = sizeof address;
    if (getsockname(http->listen_fd, &address.any, &size) == 0 && address.any.sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, http,  //
                            MHD_OPTION_EXTERNAL_LOGGER, on_log,
                            (void *)http,  // first, so that it hears of the others
                            MHD_OPTION_LISTEN_SOCKET, http->listen_fd,  //
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)c->threads,
                            MHD_OPTION_CONNECTION_LIMIT, connections,  //
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(c->idle_seconds + 0.5),
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_STRICT_FOR_CLIENT, 0,                   //
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,  //
                            MHD_OPTION_URI_LOG_CALLBACK, receive_begin, http,  //
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,   //
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
}

/* Of a server whose threads have ended. */
static void free_all(Http *http)
{
    if (http->listen_fd >= 0)
        close(http->listen_fd);
    handler_pool_free(http->readers);
    handler_pool_free(http->writers);
    handler_pool_free(http->sinks);
    handler_pool_free(http->predictors);
    free(http->watch);
    pages_free(http->pages);
    pthread_mutex_destroy(&http->lock);
    free(http);
}

bool http_listen(const HttpConfig *config, Http **out, Error *err)
{
    Http *http = xcalloc(1, sizeof *http);
    http->config = *config;
    fill_in(&http->config);
    http->listen_fd = -1;
    pthread_mutex_init(&http->lock, NULL);
    if (!http->config.web || pages_new(http->config.web, &http->pages, err))
        http->listen_fd = listen_on(&http->config, err);
    if (http->listen_fd < 0) {
        free_all(http);
        return false;
    }
    http->config.address = NULL;  // not needed any more, and perhaps on the caller's stack
    *out = http;
    return true;
}

bool http_serve(Http *http, const HttpService *service, Error *err)
{
    http->service = *service;
    http->readers = handler_pool_new(http->config.handlers, http->config.waiting);
    http->writers = handler_pool_new(http->config.handlers, http->config.waiting);
    http->sinks = handler_pool_new(http->config.handlers, http->config.waiting);
    http->predictors = handler_pool_new(http->config.predictors, http->config.waiting);
    if (!http->readers || !http->writers || !http->sinks || !http->predictors || !watch_start(http))
        return fail(err, ERR_NO_MEMORY, "the HTTP server's threads cannot be made");
    http->daemon = start_daemon(http);
    return http->daemon || fail(err, ERR_IO, "the HTTP server cannot be started");
}

int http_port(const Http *http)
{
    Address address = {0};
    socklen_t size = sizeof address;
    if (getsockname(http->listen_fd, &address.any, &size) != 0)
        return http->config.port;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* ---- Stop ---- */

static void wait_for_answers(Http *http, int most_ms)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int ms = 0; ms < most_ms && watch_answering(http); ms += 10)
        nanosleep(&pause, NULL);
}

/* From here on no connection is suspended: libmicrohttpd forbids stopping it with one. */
static void end_suspensions(Http *http)
{
    pthread_mutex_lock(&http->lock);
    http->stopping = true;
    for (Connection *c = http->connections; c; c = c->next)
        if (c->waiting)
            handler_give_up(c);
    streams_end(http);
    pthread_mutex_unlock(&http->lock);
}

static void stop_serving(Http *http)
{
    MHD_quiesce_daemon(http->daemon);  // nobody new; the socket stays ours
    pthread_mutex_lock(&http->lock);
    http->ending = true;
    streams_end(http);
    pthread_mutex_unlock(&http->lock);
    wait_for_answers(http, STOP_WAIT_MS);
    end_suspensions(http);
    wait_for_answers(http, STOP_WAIT_MS / 4);
    watch_stop(http);
    MHD_stop_daemon(http->daemon);
}

bool http_stop(Http *http)
{
    if (!http)
        return true;
    if (http->daemon)
        stop_serving(http);
    else
        watch_stop(http);
    const bool ended =
        (!http->readers || handler_pool_stop(http->readers, HANDLERS_STOP_SECONDS))
        && (!http->writers || handler_pool_stop(http->writers, HANDLERS_STOP_SECONDS))
        && (!http->sinks || handler_pool_stop(http->sinks, HANDLERS_STOP_SECONDS))
        && (!http->predictors || handler_pool_stop(http->predictors, HANDLERS_STOP_SECONDS));
    if (ended)
        free_all(http);
    return ended;
}
