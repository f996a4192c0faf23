/* DESIGN. A handler that may wait runs as a task of a pool while its connection is suspended. Three
 * can bring the connection back, and the first of them does, because the phase changes under the
 * lock: the handler with its answer; the watching thread, when the time of the request is up; the
 * end of the daemon. A handler that comes too late finds the phase changed and drops its answer.
 */
#include "server/http/exchange/handler.h"

#include <microhttpd.h>
#include <string.h>

#include "core/base/clock.h"
#include "server/base/json/json_text.h"
#include "server/http/exchange/server.h"
#include "server/http/message/framing.h"

static bool read_body(const Exchange *x, cJSON **json, Response *res)
{
    const Route *route = x->match.route;
    Error err = {0};
    *json = NULL;
    if (route->body == BODY_STREAM || route->body == BODY_BYTES)
        return true;
    if (x->body_size == 0 && route->body != BODY_JSON)
        return true;
    if (x->body_size == 0)
        return request_reject(
            res, 400, NULL,
            "the body is empty: JSON is expected, {} where there is nothing to say");
    *json = json_parse_text("body", x->body ? x->body : "", x->body_size, &err);
    if (*json)
        return true;
    respond_error(res, &err);
    return false;
}

void handler_run(const Exchange *x, Response *res)
{
    cJSON *json;
    if (!read_body(x, &json, res))
        return;
    Error err = {0};
    Query query;
    query_parse(x->query, &query);
    Request req = {
        .method = x->match.route->method,
        .head = strcmp(x->method, "HEAD") == 0,
        .path = x->uri,
        .query = &query,
        .json = json,
        .body = x->body ? x->body : "",
        .body_size = x->body_size,
        .body_length = framing_body_length(&x->headers),
        .headers = &x->headers,
        .access = x->access,
    };
    memcpy(req.params, x->params, sizeof req.params);
    log_request_id(x->id);
    if (!x->match.route->handler(x->http->service.app, &req, res, &err)) {
        response_free(res);
        respond_error(res, &err);
    }
    log_request_id(NULL);
    cJSON_Delete(json);
}

/* ---- On a thread of the pool ---- */

/* True if somebody still waits for the answer. */
static bool begin(Exchange *x)
{
    pthread_mutex_lock(&x->http->lock);
    x->handler_began = x->phase == EXCHANGE_WAITING;
    pthread_mutex_unlock(&x->http->lock);
    return x->handler_began;
}

bool handler_hand_over(Exchange *x, Response *res, ExchangePhase phase, double seconds)
{
    if (x->phase != EXCHANGE_WAITING)
        return false;
    x->res = *res;
    x->phase = phase;
    x->connection->waiting = NULL;
    x->connection->deadline = seconds > 0 ? clock_seconds() + seconds : 0;
    MHD_resume_connection(x->connection->mhd);
    return true;
}

/* False if it has been answered otherwise. */
static bool hand_over(Exchange *x, Response *res)
{
    pthread_mutex_lock(&x->http->lock);
    const bool awaited = handler_hand_over(x, res, EXCHANGE_ANSWERED, 0);
    pthread_mutex_unlock(&x->http->lock);
    return awaited;
}

static void run_task(Task *task)
{
    Exchange *x = task_owner(task, offsetof(Exchange, task));
    if (begin(x)) {
        Response res = RESPONSE_EMPTY;
        handler_run(x, &res);
        if (!hand_over(x, &res)) {
            log_request_id(x->id);
            LOG(x->http->config.log, LOG_WARNING, "answer_too_late", log_text("method", x->method),
                log_text("path", x->uri), log_int("status", res.status),
                log_real("seconds", clock_seconds() - x->began_at));
            log_request_id(NULL);
            response_free(&res);
        }
    }
    exchange_release(x);
}

/* ---- On the thread that serves the socket ---- */

static void respond_busy(Exchange *x)
{
    atomic_fetch_add(&x->http->config.counts->busy, 1);
    response_header(&x->res, "Retry-After", "1");
    respond_problem(&x->res, 503, "busy",
                    "too many requests wait for their turn: nothing was done for this one");
}

bool handler_suspend(Exchange *x)
{
    Http *http = x->http;
    pthread_mutex_lock(&http->lock);
    const bool ok = !http->stopping;
    if (ok) {
        x->phase = EXCHANGE_WAITING;
        x->connection->waiting = x;
        x->connection->deadline = clock_seconds() + http->config.request_seconds;
        MHD_suspend_connection(x->connection->mhd);
    }
    pthread_mutex_unlock(&http->lock);
    return ok;
}

static HandlerPool *pool_of(const Exchange *x)
{
    switch (x->match.route->thread) {
    case WRITES:
        return x->http->writers;
    case SINKS:
        return x->http->sinks;
    case PREDICTS:
        return x->http->predictors;
    default:
        return x->http->readers;
    }
}

bool handler_call(Exchange *x)
{
    if (x->match.route->thread == INLINE) {
        handler_run(x, &x->res);
        return true;
    }
    HandlerPool *pool = pool_of(x);
    if (!handler_suspend(x)) {
        respond_problem(&x->res, 503, NULL, "the daemon is shutting down");
        return true;
    }
    x->task.run = run_task;
    atomic_fetch_add(&x->holders, 1);
    if (handler_pool_add(pool, &x->task, false))
        return false;
    // It has to come back before it can be answered.
    exchange_release(x);
    pthread_mutex_lock(&x->http->lock);
    if (x->connection->waiting)
        handler_give_up(x->connection);
    pthread_mutex_unlock(&x->http->lock);
    return false;
}

void handler_give_up(Connection *connection)
{
    connection->waiting->phase = EXCHANGE_GIVEN_UP;
    connection->waiting = NULL;
    connection->deadline = 0;
    MHD_resume_connection(connection->mhd);
}

void handler_came_back(Exchange *x)
{
    pthread_mutex_lock(&x->http->lock);
    const bool answered = x->phase == EXCHANGE_ANSWERED, began = x->handler_began,
               stopping = x->http->stopping;
    pthread_mutex_unlock(&x->http->lock);
    if (answered)
        return;
    if (!began && !stopping) {
        respond_busy(x);
        return;
    }
    atomic_fetch_add(&x->http->config.counts->late, 1);
    response_header(&x->res, "Retry-After", "5");
    respond_problem(&x->res, 503, stopping ? NULL : "timeout",
                    began ? "%s: what was asked for may still be done, so look before you repeat it"
                          : "%s: nothing was done",
                    stopping ? "the daemon is shutting down"
                             : "the answer was not ready in time, because the disk is slow, say");
}
