#include "server/http/message/response.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/text.h"

enum { RETRY_SECONDS = 5 };  // where nobody knows better when it is worth while to ask again

/* Every status that the daemon answers, with the title and the code of its problem. */
static const struct {
    int status;
    const char *title;
    const char *code;
} STATUSES[] = {
    {400, "Bad Request", "invalid_request"},
    {401, "Unauthorized", "unauthorized"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {406, "Not Acceptable", "not_acceptable"},
    {409, "Conflict", "conflict"},
    {412, "Precondition Failed", "precondition_failed"},
    {413, "Content Too Large", "too_large"},
    {414, "URI Too Long", "uri_too_long"},
    {415, "Unsupported Media Type", "unsupported_media_type"},
    {416, "Range Not Satisfiable", "range_not_satisfiable"},
    {417, "Expectation Failed", "expectation_failed"},
    {422, "Unprocessable Content", "unprocessable"},
    {423, "Locked", "locked"},
    {431, "Request Header Fields Too Large", "headers_too_large"},
    {500, "Internal Server Error", "internal"},
    {501, "Not Implemented", "not_implemented"},
    {503, "Service Unavailable", "unavailable"},
    {507, "Insufficient Storage", "insufficient_storage"},
};

static size_t status_row(int status)
{
    for (size_t i = 0; i < COUNT(STATUSES); i++)
        if (STATUSES[i].status == status)
            return i;
    return status_row(500);
}

void response_free(Response *res)
{
    free(res->text);
    cJSON_Delete(res->problem);
    if (res->fd >= 0)
        close(res->fd);
    if (res->stream.next)
        res->stream.free(res->stream.context);
    if (res->sink.write)
        res->sink.leave(res->sink.context);
    for (int i = 0; i < res->header_count; i++)
        free(res->headers[i].value);
    *res = RESPONSE_EMPTY;
}

void response_header(Response *res, const char *name, const char *fmt, ...)
{
    char *value = NULL;
    va_list args;
    va_start(args, fmt);
    const int length = vasprintf(&value, fmt, args);
    va_end(args);
    if (length < 0 || res->header_count == RESPONSE_HEADERS)
        abort();  // a handler sets a few short ones: neither can come from outside
    res->headers[res->header_count++] = (ResponseHeader){name, value};
}

bool respond_text(Response *res, const char *type, char *text, size_t size)
{
    res->status = 200;
    res->type = type;
    res->text = text;
    res->size = size;
    res->tagged = true;
    return true;
}

bool respond_json(Response *res, int status, cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text)
        return respond_problem(res, 503, NULL, "no memory for the answer");
    respond_text(res, "application/json", text, strlen(text));
    res->status = status;
    res->tagged = status == 200 || status == 201;
    return true;
}

bool respond_empty(Response *res, int status)
{
    res->status = status;
    return true;
}

bool respond_stream(Response *res, const char *type, BodyStream stream)
{
    res->status = 200;
    res->type = type;
    res->stream = stream;
    return true;
}

bool respond_with_sink(Response *res, Sink sink)
{
    res->sink = sink;
    return true;
}

static bool respond_problem_json(Response *res, int status, const char *code, const char *detail,
                                 cJSON *errors)
{
    const size_t row = status_row(status);
    cJSON *problem = cJSON_CreateObject();
    cJSON_AddStringToObject(problem, "type", "about:blank");
    cJSON_AddStringToObject(problem, "title", STATUSES[row].title);
    cJSON_AddNumberToObject(problem, "status", status);
    cJSON_AddStringToObject(problem, "detail", detail);
    cJSON_AddStringToObject(problem, "code", code ? code : STATUSES[row].code);
    if (errors)
        cJSON_AddItemToObject(problem, "errors", errors);
    cJSON_Delete(res->problem);
    res->problem = problem;
    res->status = status;
    return true;
}

__attribute__((format(printf, 4, 0))) static void
put_problem(Response *res, int status, const char *code, const char *fmt, va_list args)
{
    char detail[768];
    const int length = vsnprintf(detail, sizeof detail, fmt, args);
    text_finish(detail, sizeof detail, length);
    respond_problem_json(res, status, code, detail, NULL);
}

bool respond_problem(Response *res, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_problem(res, status, code, fmt, args);
    va_end(args);
    return true;
}

bool request_reject(Response *res, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_problem(res, status, code, fmt, args);
    va_end(args);
    return false;
}

static bool has_header(const Response *res, const char *name)
{
    for (int i = 0; i < res->header_count; i++)
        if (strcmp(res->headers[i].name, name) == 0)
            return true;
    return false;
}

void response_finish(Response *res, const char *request_id)
{
    if (!res->problem)
        return;
    if (res->status == 503 && !has_header(res, "Retry-After"))
        response_header(res, "Retry-After", "%d", RETRY_SECONDS);
    cJSON_AddStringToObject(res->problem, "request_id", request_id);
    char *text = cJSON_PrintUnformatted(res->problem);
    cJSON_Delete(res->problem);
    res->problem = NULL;
    const int status = res->status;
    respond_text(res, "application/problem+json", text, text ? strlen(text) : 0);
    res->status = status;
    res->tagged = false;
}

static int error_status(ErrorCode code)
{
    switch (code) {
    case ERR_INVALID:
        return 400;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_IO:        // the same request may work later
    case ERR_NO_SPACE:  // ... where jobs wait for space
    case ERR_NO_MEMORY:
    case ERR_STOPPED:
        return 503;
    default:
        return 500;
    }
}

/* The status whose own code the reason is, such as 412 of "precondition_failed"; 0: none. */
static int reason_status(const char *reason)
{
    for (size_t i = 0; reason && i < COUNT(STATUSES); i++)
        if (strcmp(STATUSES[i].code, reason) == 0)
            return STATUSES[i].status;
    return 0;
}

bool respond_error(Response *res, const Error *err)
{
    const char *code = err->code == ERR_NO_SPACE && !err->reason ? "disk_full" : err->reason;
    const int special = reason_status(code);
    // With a reason it is a quota, or a body that will not fit: the client has to do something.
    const bool full = err->code == ERR_NO_SPACE && err->reason;
    const int status = special ? special : full ? 507 : error_status(err->code);
    return respond_problem(res, status, code, "%s", err->message);
}

/* The code that all faults share; NULL: there is none. */
static const char *shared_code(const Faults *faults, int kept)
{
    const char *code = faults->items[0].code;
    for (int i = 1; code && i < kept; i++)
        if (!faults->items[i].code || strcmp(code, faults->items[i].code) != 0)
            return NULL;
    return code;
}

static bool put_faults(Response *res, int status, const Faults *faults)
{
    const int kept = faults->count < FAULTS_MAX ? faults->count : FAULTS_MAX;
    cJSON *errors = cJSON_CreateArray();
    for (int i = 0; i < kept; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "pointer", faults->items[i].pointer);
        cJSON_AddStringToObject(item, "detail", faults->items[i].detail);
        if (faults->items[i].code)
            cJSON_AddStringToObject(item, "code", faults->items[i].code);
        cJSON_AddItemToArray(errors, item);
    }
    char detail[700];
    const Fault *first = &faults->items[0];
    // The empty pointer is all of the body.
    if (faults->count == 1)
        snprintf(detail, sizeof detail, "%s: %s", first->pointer[0] ? first->pointer : "body",
                 first->detail);
    else
        snprintf(detail, sizeof detail, "%d fields are wrong, see errors", faults->count);
    return respond_problem_json(res, status, shared_code(faults, kept), detail, errors);
}

bool respond_faults(Response *res, const Faults *faults)
{
    return put_faults(res, 400, faults);
}

bool request_reject_faults(Response *res, const Faults *faults)
{
    respond_faults(res, faults);
    return false;
}

bool request_reject_pair(Response *res, const Faults *faults)
{
    put_faults(res, 422, faults);
    return false;
}
