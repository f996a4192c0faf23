/* DESIGN. A body that is made piece by piece: libmicrohttpd asks for bytes on the thread that
 * serves the socket, where nothing may wait; a handler thread makes the pieces. At most one piece
 * is in memory, and it is made when the one before has been taken: a slow reader costs one piece
 * and holds nobody up.
 *
 * While there is nothing to send the connection is suspended, as libmicrohttpd wants it. Suspended
 * ones never time out and do not notice that the peer has left: the watching thread looks once a
 * second. `news` counts what has happened; a stream that found nothing remembers the count from
 * before it looked, and looks again when the two differ, so that nothing is missed.
 *
 * A body of unknown length goes in chunks, the last of which shows that it is whole. HTTP/1.0 has
 * no chunks, nor has an answer after "Connection: close" (libmicrohttpd before 1.0): there the end
 * of the connection is that of the body. So that what was cut off does not look whole, such a
 * connection is reset, and not closed, until the last byte has been handed out.
 */
#include "server/http/exchange/stream.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/http/exchange/server.h"

enum { BLOCK = 32 << 10 };  // bytes that libmicrohttpd asks for at a time

typedef struct PulledBody {
    struct PulledBody *previous, *next;
    Http *http;
    Connection *connection;
    BodyStream stream;
    Task task;
    double began_at;
    double comment_at;  // when a comment is due
    uint64_t sent;
    char *piece;
    size_t size, taken;  // of the piece
    uint64_t looked_at;  // the news that the last look knew of
    bool pulling;        // a handler thread makes the next piece
    bool waits;          // the last look found nothing
    bool ended, failed;
    bool unsized;  // the client does not know its length, and it has an end
    bool suspended;
    bool orphan;  // the connection has gone: whoever pulls frees it
} PulledBody;

static void free_body(PulledBody *b)
{
    b->stream.free(b->stream.context);
    free(b->piece);
    free(b);
}

/* With the lock held. */
static void resume(PulledBody *b)
{
    if (!b->suspended)
        return;
    b->suspended = false;
    MHD_resume_connection(b->connection->mhd);
}

static void pull(Task *task);

/* With the lock held: let a handler thread make the next piece. */
static void start_pull(PulledBody *b)
{
    b->looked_at = b->http->news;
    b->waits = false;
    b->task.run = pull;
    b->pulling = handler_pool_add(b->http->readers, &b->task, true);
    b->failed = !b->pulling;  // the daemon stops
}

/* On a handler thread. */
static void pull(Task *task)
{
    PulledBody *b = task_owner(task, offsetof(PulledBody, task));
    Http *http = b->http;
    char *piece = NULL;
    size_t size = 0;
    const StreamStep step = b->stream.next(b->stream.context, &piece, &size);
    pthread_mutex_lock(&http->lock);
    b->pulling = false;
    const bool orphan = b->orphan;
    if (!orphan) {
        b->piece = piece;
        b->size = size;
        b->taken = 0;
        piece = NULL;
        b->waits = step == STREAM_WAIT;
        b->ended = step == STREAM_END;
        b->failed = step == STREAM_FAILED;
        if (!b->waits)
            resume(b);
        else if (b->looked_at != http->news)
            start_pull(b);
    }
    pthread_mutex_unlock(&http->lock);
    if (orphan)
        free_body(b);
    free(piece);
}

static size_t take(PulledBody *b, char *buffer, size_t room)
{
    const size_t left = b->size - b->taken, n = left < room ? left : room;
    memcpy(buffer, b->piece + b->taken, n);
    b->taken += n;
    if (b->taken == b->size) {
        free(b->piece);
        b->piece = NULL;
        b->size = b->taken = 0;
    }
    return n;
}

static size_t take_comment(PulledBody *b, char *buffer, size_t room)
{
    const size_t n = strlen(b->stream.comment);
    memcpy(buffer, b->stream.comment, n < room ? n : room);
    return n < room ? n : room;
}

/* Whether the system resets the connection when it closes it, whoever has it closed: libmicrohttpd
 * after a silence, or the end of this process. */
static void reset_at_close(const PulledBody *b, bool on)
{
    const struct linger how = {.l_onoff = on};
    if (b->unsized)
        setsockopt(b->connection->fd, SOL_SOCKET, SO_LINGER, &how, sizeof how);
}

/* Reset it now: libmicrohttpd first ends it in an orderly way, which the client may see before the
 * reset. */
static void reset_now(const PulledBody *b)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (b->unsized)
        connect(b->connection->fd, &nobody, sizeof nobody);
}

/* With the lock held: n bytes go out. A reader that does not take them in time is cut off. */
static ssize_t hand_out(PulledBody *b, size_t n)
{
    const HttpConfig *config = &b->http->config;
    const double now = clock_seconds();
    if (b->sent == 0)
        reset_at_close(b, true);
    b->sent += n;
    b->comment_at = now + config->heartbeat_seconds;
    b->connection->deadline = b->stream.comment ? now + config->request_seconds
                                                : b->began_at + config->request_seconds
                                                      + (double)b->sent / SLOWEST_READER;
    return (ssize_t)n;
}

/* libmicrohttpd asks for the next bytes; what it got before has been sent. */
static ssize_t read_body(void *context, uint64_t position, char *buffer, size_t room)
{
    PulledBody *b = context;
    Http *http = b->http;
    ssize_t n = 0;
    (void)position;
    pthread_mutex_lock(&http->lock);
    const bool over = b->stream.comment && http->ending;
    if (b->size > 0 && !b->failed)
        n = hand_out(b, take(b, buffer, room));
    else if (b->ended || over)
        n = MHD_CONTENT_READER_END_OF_STREAM;
    else if (b->failed || http->stopping)
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    else if (b->stream.comment && clock_seconds() >= b->comment_at)
        n = hand_out(b, take_comment(b, buffer, room));
    if (!b->pulling && b->size == 0 && !b->ended && !b->failed && !over
        && !(b->waits && b->looked_at == http->news))
        start_pull(b);
    if (n == 0 && b->failed)
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    if (n == MHD_CONTENT_READER_END_OF_STREAM)
        reset_at_close(b, false);
    else if (n == MHD_CONTENT_READER_END_WITH_ERROR)
        reset_now(b);
    if (n == 0) {
        // A stream of events may be silent for as long as it likes; all else must go on.
        if (b->stream.comment)
            b->connection->deadline = 0;
        b->suspended = true;
        MHD_suspend_connection(b->connection->mhd);
    }
    pthread_mutex_unlock(&http->lock);
    return n;
}

static void drop_body(void *context)
{
    PulledBody *b = context;
    Http *http = b->http;
    pthread_mutex_lock(&http->lock);
    if (b->previous)
        b->previous->next = b->next;
    else
        http->bodies = b->next;
    if (b->next)
        b->next->previous = b->previous;
    b->orphan = b->pulling;
    const bool orphan = b->orphan;
    pthread_mutex_unlock(&http->lock);
    if (!orphan)
        free_body(b);
}

struct MHD_Response *stream_response(Http *http, Connection *connection, BodyStream stream,
                                     uint64_t size)
{
    PulledBody *b = xcalloc(1, sizeof *b);
    b->http = http;
    b->connection = connection;
    b->stream = stream;
    b->unsized = size == MHD_SIZE_UNKNOWN && !stream.comment;
    b->began_at = clock_seconds();
    b->comment_at = b->began_at + http->config.heartbeat_seconds;
    pthread_mutex_lock(&http->lock);
    b->next = http->bodies;
    if (b->next)
        b->next->previous = b;
    http->bodies = b;
    pthread_mutex_unlock(&http->lock);
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, BLOCK, read_body, b, drop_body);
    if (!response)
        drop_body(b);
    return response;
}

static bool peer_left(const Connection *connection)
{
    char byte;
    const ssize_t n = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void streams_tick(Http *http, bool news, double now)
{
    for (PulledBody *b = http->bodies; b; b = b->next) {
        if (!b->suspended)
            continue;
        if (b->stream.comment && peer_left(b->connection)) {
            b->ended = true;
            resume(b);
        } else if (b->stream.comment && now >= b->comment_at) {
            resume(b);
        } else if (news && b->waits && !b->pulling) {
            start_pull(b);
        }
    }
}

void streams_cut(Http *http, const Connection *connection)
{
    for (PulledBody *b = http->bodies; b; b = b->next) {
        if (b->connection == connection) {
            b->failed = true;
            reset_now(b);
            resume(b);
        }
    }
}

void streams_end(Http *http)
{
    for (PulledBody *b = http->bodies; b; b = b->next)
        if (b->stream.comment || http->stopping)
            resume(b);
}
