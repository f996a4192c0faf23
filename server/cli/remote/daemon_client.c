#include "server/cli/remote/daemon_client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/listen_address.h"

enum {
    ANSWER_MOST = 1 << 20,  // bytes that are read, unless more are asked for
    PIECE = 4096,
};

static bool set_timeout(int fd, int seconds)
{
    const struct timeval timeout = {.tv_sec = seconds};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0
           && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0;
}

/* An address that stands for all of a machine's leads to itself. */
static bool reach(const ListenAddress *to, int timeout, int *fd, Error *err)
{
    char port[8];
    struct addrinfo *found;
    const struct addrinfo how = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                 .ai_socktype = SOCK_STREAM};
    if (to->port == 0)
        return fail(err, ERR_INVALID, "port 0 may be any: say where with --server");
    snprintf(port, sizeof port, "%d", to->port);
    const int status = getaddrinfo(to->host, port, &how, &found);
    if (status != 0)
        return fail(err, ERR_INVALID, "%s: %s", to->host, gai_strerror(status));
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool ok = *fd >= 0 && set_timeout(*fd, timeout)
                    && connect(*fd, found->ai_addr, found->ai_addrlen) == 0;
    if (!ok)
        fail(err, ERR_IO, "nothing answers at %s port %d: %s", to->host, to->port, strerror(errno));
    freeaddrinfo(found);
    return ok;
}

/* HTTP/1.0: the answer ends with the connection, and does not come in chunks. */
static char *write_request(const ServerConfig *config, const DaemonRequest *r)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();  // only for want of a few bytes
    fprintf(out, "%s %s HTTP/1.0\r\nHost: localhost\r\n", r->method, r->path);
    if (config->token[0])
        fprintf(out, "Authorization: Bearer %s\r\n", config->token);
    if (r->idempotency_key)
        fprintf(out, "Idempotency-Key: %s\r\n", r->idempotency_key);
    if (r->accept)
        fprintf(out, "Accept: %s\r\n", r->accept);
    if (r->body)
        fprintf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(r->body));
    fprintf(out, "\r\n%s", r->body ? r->body : "");
    fclose(out);
    return text;
}

static bool send_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        const ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

typedef struct {
    char *text;  // with a final NUL
    size_t size;
    bool reset;  // the connection, after these bytes: there may have been more
} Received;

/* All that comes. False if nothing comes in time, or more than the request takes. */
static bool receive_all(int fd, const DaemonRequest *r, Received *all, Error *err)
{
    const size_t most = r->most ? r->most : ANSWER_MOST;
    char *text = xcalloc(1, PIECE + 1);
    size_t n = 0, room = PIECE;
    bool reset = false;
    for (;;) {
        const ssize_t got = recv(fd, text + n, room - n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        reset = got < 0 && n > 0 && errno == ECONNRESET;
        if (got < 0 && !reset) {
            fail(err, ERR_IO, "no answer within %d s: %s", r->timeout_seconds, strerror(errno));
            free(text);
            return false;
        }
        if (got <= 0)
            break;
        n += (size_t)got;
        if (n > most) {
            fail(err, ERR_IO, "the answer has more than %zu bytes", most);
            free(text);
            return false;
        }
        if (n == room) {
            room *= 2;
            text = xrealloc(text, room + 1, 1);
        }
    }
    text[n] = '\0';
    *all = (Received){text, n, reset};
    return true;
}

/* What the head says behind "\r\nNAME:"; NULL: nothing. */
static const char *header(const char *head, const char *end, const char *name)
{
    const size_t length = strlen(name);
    for (const char *c = head; c < end; c++)
        if (strncasecmp(c, name, length) == 0)
            return c + length + strspn(c + length, " \t");
    return NULL;
}

/* What the head says of the body. We ask by HTTP/1.0, which has no chunks: without a length the
 * body ends with the connection, in good order where it is whole. */
static bool read_head(const char *end, const Received *all, DaemonAnswer *answer, Error *err)
{
    const char *head = all->text;
    const char *whole = header(head, end, "\r\nContent-Length:");
    const char *type = header(head, end, "\r\nContent-Type:");
    if (type)
        snprintf(answer->type, sizeof answer->type, "%.*s", (int)strcspn(type, "; \t\r"), type);
    if (header(head, end, "\r\nTransfer-Encoding:"))
        return fail(err, ERR_IO, "the answer comes in chunks, which were not asked for");
    const long long bytes = whole ? strtoll(whole, NULL, 10) : -1;
    if (bytes < 0 && all->reset)
        return fail(err, ERR_IO, "the answer was cut off after %zu bytes", answer->size);
    return bytes < 0 || (size_t)bytes == answer->size
           || fail(err, ERR_IO, "the answer has %lld bytes, and %zu came", bytes, answer->size);
}

static bool split(const Received *all, DaemonAnswer *answer, Error *err)
{
    char *text = all->text;
    const char *body = strstr(text, "\r\n\r\n");
    *answer = (DaemonAnswer){.body = text, .size = all->size};
    if (sscanf(text, "HTTP/1.%*1d %3d", &answer->status) != 1)
        return true;
    if (!body)
        return fail(err, ERR_IO, "the answer ends within its head");
    const size_t head = (size_t)(body + 4 - text);
    answer->size = all->size - head;
    const bool ok = read_head(body, all, answer, err);
    memmove(text, text + head, answer->size + 1);
    return ok;
}

bool daemon_ask(const ServerConfig *config, const DaemonRequest *request, DaemonAnswer *answer,
                Error *err)
{
    ListenAddress address;
    int fd = -1;
    Received all = {0};
    *answer = (DaemonAnswer){0};
    bool ok = listen_address_parse(config->listen, &address, err)
              && reach(&address, request->timeout_seconds, &fd, err);
    if (ok) {
        char *wanted = write_request(config, request);
        // What is refused early is answered while we still send.
        send_all(fd, wanted);
        free(wanted);
        ok = receive_all(fd, request, &all, err);
    }
    if (fd >= 0)
        close(fd);
    if (ok && !split(&all, answer, err)) {
        daemon_answer_free(answer);
        return false;
    }
    return ok;
}

bool daemon_answer_strange(Error *err)
{
    return fail(err, ERR_INVALID, "the answer is not the daemon's");
}

void daemon_answer_free(DaemonAnswer *answer)
{
    free(answer->body);
    *answer = (DaemonAnswer){0};
}
