/* server/http/message/response.h -- what a handler answers.
 *
 * A response holds text, a problem, a part of an open file, or a stream.
 * Handlers fill it with one of the respond_* calls, which return true so that a handler can end in
 * `return respond_json(...)`.
 */
#pragma once
#include <cJSON.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/error.h"
#include "server/base/faults.h"

enum { RESPONSE_HEADERS = 12 };

typedef struct {
    const char *name;  // a literal
    char *value;       // owned
} ResponseHeader;

typedef enum {
    STREAM_PIECE,   // here is the next piece
    STREAM_WAIT,    // there is nothing now: ask again when something has happened
    STREAM_END,     // that was all
    STREAM_FAILED,  // it cannot go on: the client is to see that it is cut off
} StreamStep;

/* A body that is made piece by piece, so that it never stands in memory as a whole. */
typedef struct {
    /* The next piece, from malloc. Called on a handler thread: it may wait for the disk. A piece
     * ends where a comment may follow. */
    StreamStep (*next)(void *context, char **piece, size_t *size);
    void (*free)(void *context);
    void *context;
    const char *comment;  // sent into a silence between two pieces; NULL: nothing is, and the
                          // stream has an end
} BodyStream;

typedef struct Response Response;

/* Where a body goes piece by piece, so that it never stands in memory as a whole. Called on handler
 * threads, one call at a time: it may wait for the disk. Either `finish` or `leave` is the last
 * call, and frees the context. */
typedef struct {
    /* False: nothing more is taken, and *err is the answer. */
    bool (*write)(void *context, const char *bytes, size_t size, Error *err);
    bool (*finish)(void *context, Response *res, Error *err);  // all came: answer, like a handler
    void (*leave)(void *context);  // the client has gone, or a write has failed
    void *context;
} Sink;

struct Response {
    int status;         // 0: nothing answered yet
    const char *type;   // content type, a literal
    char *text;         // owned
    size_t size;        // bytes of the text, of the part of the file or of the stream; 0: not known
    int fd;             // -1 but for a file; owned
    int64_t offset;     // of its part
    BodyStream stream;  // next is NULL but for a stream
    Sink sink;          // write is NULL but where the body is still to come
    cJSON *problem;     // owned; becomes the text once the request's id is in it
    bool tagged;        // the text is to bear an ETag made from it
    ResponseHeader headers[RESPONSE_HEADERS];
    int header_count;
};

#define RESPONSE_EMPTY ((Response){.fd = -1})

void response_free(Response *res);  // what it owns, not the struct

/* `name` must be a literal. */
void response_header(Response *res, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

bool respond_json(Response *res, int status, cJSON *json);  // takes json; 200 and 201 get an ETag
bool respond_text(Response *res, const char *type, char *text, size_t size);  // takes text; 200
bool respond_empty(Response *res, int status);
bool respond_stream(Response *res, const char *type, BodyStream stream);  // takes the stream; 200

/* Of a route with BODY_STREAM: the answer comes from the sink, which is taken. */
bool respond_with_sink(Response *res, Sink sink);

/* application/problem+json (RFC 9457). `code`, a literal, tells programs the cases of one status
 * apart; NULL: the default one of the status. */
bool respond_problem(Response *res, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Code by its reason; status by its reason if that is the code of one, else by its code. */
bool respond_error(Response *res, const Error *err);
bool respond_faults(Response *res, const Faults *faults);  // 400 with all of them

/* The same for checks that return whether the request may go on: they return false. */
bool request_reject(Response *res, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool request_reject_faults(Response *res, const Faults *faults);
/* 422: each part of the request is right by itself, but they do not go together. */
bool request_reject_pair(Response *res, const Faults *faults);

/* Turn a problem into text that names the request; other answers stay as they are. */
void response_finish(Response *res, const char *request_id);
