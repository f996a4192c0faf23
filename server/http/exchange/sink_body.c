/* DESIGN. A body that goes to a sink piece by piece. The handler is asked once the headers are
 * there: it refuses, so that nobody sends gigabytes in vain, or names a sink. The thread that
 * serves the socket copies what comes into a buffer; when that is full it suspends the connection,
 * a handler thread gives the buffer to the sink, and the connection comes back: while the disk is
 * slow, the client is slow, and one buffer is all that a body has in memory.
 *
 * Time         There is no deadline for the whole. A client has request_seconds in reserve, which
 *              pass while it sends nothing and come back with the bytes, at the least rate: one
 *              that drips is cut off. While the disk has the buffer no time passes for the client;
 *              but when that takes request_seconds, it is answered.
 *
 * Refusals     after the body has begun are sent past libmicrohttpd, which answers before a body
 *              or after it; then the connection stays open for a moment, because a client that
 *              still sends would lose the answer if it was closed at once.
 *
 * Ownership    `sink` belongs to the handler thread while `busy`, else to the exchange. Whoever
 *              finds, under the lock, that nobody will come back takes it out and leaves it.
 */
#include "server/http/exchange/sink_body.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/http/exchange/handler.h"
#include "server/http/exchange/reply.h"
#include "server/http/exchange/server.h"
#include "server/http/message/framing.h"

enum { BUFFER = 256 << 10 };

static const double LINGER_SECONDS = 5;  // after an early answer

typedef enum { OPEN_SINK, WRITE_BUFFER, FINISH } Job;  // of the handler thread

typedef struct SinkBody {
    Sink sink;  // write is NULL: there is none (any more)
    Job job;
    bool busy;  // under the lock: a handler thread has it
    bool gone;  // under the lock: the exchange is over
    bool opened, ending, answered_early, lingered;
    bool counted;  // among the bodies on their way: who was refused keeps nobody out
    char *buffer;
    size_t size;
    double reserve, seen_at;  // seconds that the client may be silent, from then on
} SinkBody;

/* ---- On a handler thread ---- */

static void leave(SinkBody *b)
{
    if (b->sink.write)
        b->sink.leave(b->sink.context);
    b->sink = (Sink){0};
}

/* Give the buffer to the sink; false, with an answer, if it does not take it. */
static bool flush(SinkBody *b, Response *res)
{
    Error err = {0};
    const size_t size = b->size;
    b->size = 0;
    if (size == 0 || b->sink.write(b->sink.context, b->buffer, size, &err))
        return true;
    leave(b);
    respond_error(res, &err);
    return false;
}

static void finish(SinkBody *b, Response *res)
{
    Error err = {0};
    if (!flush(b, res))
        return;
    const Sink sink = b->sink;
    b->sink = (Sink){0};
    if (sink.finish(sink.context, res, &err))
        return;
    response_free(res);
    respond_error(res, &err);
}

/* Ask the handler, unless nobody waits for the answer any more. */
static void open_sink(const Exchange *x, SinkBody *b, Response *res)
{
    pthread_mutex_lock(&x->http->lock);
    const bool awaited = x->phase == EXCHANGE_WAITING;
    pthread_mutex_unlock(&x->http->lock);
    if (!awaited)
        return;
    handler_run(x, res);
    b->sink = res->sink;
    res->sink = (Sink){0};
}

/* Back to the connection; the sink, if there is nobody any more. */
static Sink hand_over(Exchange *x, Response *res)
{
    SinkBody *b = x->sink;
    Sink left = {0};
    pthread_mutex_lock(&x->http->lock);
    b->busy = false;
    if (x->phase == EXCHANGE_WAITING)
        b->seen_at = clock_seconds();
    if (!handler_hand_over(x, res, EXCHANGE_RECEIVING, b->ending ? 0 : b->reserve)) {
        left = b->sink;
        b->sink = (Sink){0};
        response_free(res);
    }
    pthread_mutex_unlock(&x->http->lock);
    return left;
}

static void run_task(Task *task)
{
    Exchange *x = task_owner(task, offsetof(Exchange, task));
    SinkBody *b = x->sink;
    Response res = RESPONSE_EMPTY;
    log_request_id(x->id);
    if (b->job == OPEN_SINK)
        open_sink(x, b, &res);
    else if (b->job == WRITE_BUFFER)
        flush(b, &res);
    else
        finish(b, &res);
    const Sink left = hand_over(x, &res);
    if (left.write)
        left.leave(left.context);
    log_request_id(NULL);
    exchange_release(x);
}

/* The client has gone: what came is not lost. */
static void run_leave(Task *task)
{
    Exchange *x = task_owner(task, offsetof(Exchange, task));
    Response res = RESPONSE_EMPTY;
    log_request_id(x->id);
    if (flush(x->sink, &res))
        leave(x->sink);
    response_free(&res);
    log_request_id(NULL);
    exchange_release(x);
}

/* ---- On the thread that serves the socket ---- */

static void add_task(Exchange *x, void (*run)(Task *task))
{
    x->task.run = run;
    atomic_fetch_add(&x->holders, 1);
    if (handler_pool_add(x->http->sinks, &x->task, true))
        return;
    // The pool has been stopped, and nobody is suspended any more.
    leave(x->sink);
    exchange_release(x);
}

/* Suspend the connection and let a handler thread work. False: the daemon stops. */
static bool start(Exchange *x, Job job)
{
    SinkBody *b = x->sink;
    b->job = job;
    b->busy = true;  // nobody else looks before the connection is suspended
    if (handler_suspend(x)) {
        add_task(x, run_task);
        return true;
    }
    b->busy = false;
    return false;
}

static void respond_too_slow(Exchange *x)
{
    pthread_mutex_lock(&x->http->lock);
    const bool stopping = x->http->stopping;
    pthread_mutex_unlock(&x->http->lock);
    if (!stopping)
        atomic_fetch_add(&x->http->config.counts->late, 1);
    response_header(&x->res, "Retry-After", "5");
    respond_problem(&x->res, 503, stopping ? NULL : "timeout", "%s",
                    stopping ? "the daemon is shutting down"
                             : "the disk did not take the body in time: ask how far it came before "
                               "you go on");
}

static void answer_early(Exchange *x)
{
    x->sink->answered_early = true;
    reply_send_early(x);
    connection_deadline(x->http, x->connection, LINGER_SECONDS, false);
}

/* Another body may come in its place. */
static void uncount(Exchange *x)
{
    if (x->sink->counted)
        atomic_fetch_sub(&x->http->config.counts->bodies, 1);
    x->sink->counted = false;
}

/* The answer is there before the body. Who waits for a word before sending shall have it. */
static bool refuse(Exchange *x)
{
    const long long length = framing_body_length(&x->headers);
    uncount(x);
    x->sink->opened = true;
    if (framing_expects_continue(&x->headers))
        return reply_send(x, true);
    connection_deadline(x->http, x->connection, x->http->config.request_seconds, false);
    if (length < 0 || length > DROP_MAX)
        answer_early(x);
    return true;
}

bool sink_body_open(Exchange *x)
{
    HttpCounts *counts = x->http->config.counts;
    x->sink = xcalloc(1, sizeof *x->sink);
    if (x->res.status)
        return refuse(x);
    x->sink->counted = atomic_fetch_add(&counts->bodies, 1) < x->http->config.bodies;
    if (x->sink->counted)
        return start(x, OPEN_SINK);
    atomic_fetch_sub(&counts->bodies, 1);
    atomic_fetch_add(&counts->busy, 1);
    response_header(&x->res, "Retry-After", "1");
    respond_problem(&x->res, 503, "busy", "%d bodies are being received, the most at a time",
                    x->http->config.bodies);
    return refuse(x);
}

static bool opened(Exchange *x)
{
    SinkBody *b = x->sink;
    if (!x->res.status && !b->sink.write)
        respond_problem(&x->res, 500, NULL, "nobody takes this body");
    if (x->res.status)
        return refuse(x);
    b->opened = true;
    b->buffer = xcalloc(BUFFER, 1);
    b->reserve = x->http->config.request_seconds;
    b->seen_at = clock_seconds();
    connection_bringing(x->http, x->connection, true);
    connection_deadline(x->http, x->connection, b->reserve, false);
    return true;
}

/* Of a refused body. A client that sends faster than it reads is no longer read for a moment. */
static bool drop(Exchange *x, size_t size)
{
    SinkBody *b = x->sink;
    x->dropped += size;
    if (x->dropped <= DROP_MAX)
        return true;
    if (!b->answered_early || b->lingered || !handler_suspend(x))
        return false;
    b->lingered = true;
    connection_deadline(x->http, x->connection, LINGER_SECONDS, false);
    return true;
}

/* The client has sent `size` bytes more: it may be silent for longer. */
static void grant_time(Exchange *x, size_t size)
{
    SinkBody *b = x->sink;
    const HttpConfig *limits = &x->http->config;
    const double now = clock_seconds();
    b->reserve += (double)size / limits->body_bytes_per_second - (now - b->seen_at);
    if (b->reserve > limits->request_seconds)
        b->reserve = limits->request_seconds;
    b->seen_at = now;
    connection_deadline(x->http, x->connection, b->reserve > 0.001 ? b->reserve : 0.001, false);
}

static bool receive(Exchange *x, const char *piece, size_t *size)
{
    SinkBody *b = x->sink;
    const size_t room = BUFFER - b->size, taken = *size < room ? *size : room;
    memcpy(b->buffer + b->size, piece, taken);
    b->size += taken;
    *size -= taken;
    atomic_fetch_add(&x->http->config.counts->body_bytes, (long long)taken);
    grant_time(x, taken);
    return b->size < BUFFER || start(x, WRITE_BUFFER);
}

/* Was the connection brought back without the handler thread? */
static void come_back(Exchange *x)
{
    pthread_mutex_lock(&x->http->lock);
    const bool given_up = x->phase == EXCHANGE_GIVEN_UP;
    pthread_mutex_unlock(&x->http->lock);
    if (given_up && !x->res.status && !x->sink->answered_early)
        respond_too_slow(x);
}

bool sink_body_receive(Exchange *x, RequestPart part)
{
    SinkBody *b = x->sink;
    const size_t size = *part.upload_size;
    come_back(x);
    if (!b->opened)
        return opened(x);
    if (size > 0 && !x->res.status && !b->answered_early)
        return receive(x, part.upload, part.upload_size);
    if (size > 0) {
        if (!b->answered_early && b->buffer)
            answer_early(x);
        *part.upload_size = 0;
        return drop(x, size);
    }
    if (b->answered_early)
        return false;
    if (x->res.status)
        return reply_send(x, false);
    b->ending = true;
    connection_deadline(x->http, x->connection, 0, true);
    return start(x, FINISH);
}

void sink_body_end(Exchange *x)
{
    SinkBody *b = x->sink;
    pthread_mutex_lock(&x->http->lock);
    b->gone = true;
    const bool left = !b->busy && b->sink.write;
    pthread_mutex_unlock(&x->http->lock);
    if (x->connection)
        connection_bringing(x->http, x->connection, false);
    if (left)
        add_task(x, run_leave);
}

void sink_body_free(Exchange *x)
{
    if (!x->sink)
        return;
    uncount(x);
    free(x->sink->buffer);
    free(x->sink);
}
