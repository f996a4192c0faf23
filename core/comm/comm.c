#include "core/comm/comm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

void comm_progress(const Comm *c)
{
    if (comm_size(c) > 1)
        c->ops->progress(c->context, COMM_MAIN, 0);
}

void comm_broadcast(const Comm *c, void *data, size_t bytes)
{
    if (comm_size(c) > 1 && bytes > 0)
        c->ops->broadcast(c->context, data, bytes);
}

void comm_broadcast_text(const Comm *c, char **text)
{
    if (comm_size(c) == 1)
        return;
    int64_t bytes = c->rank == 0 && *text ? (int64_t)strlen(*text) + 1 : 0;
    comm_broadcast(c, &bytes, sizeof bytes);
    if (c->rank != 0) {
        free(*text);
        *text = bytes > 0 ? xcalloc((size_t)bytes, 1) : NULL;
    }
    comm_broadcast(c, *text, (size_t)bytes);
}

int64_t comm_max(const Comm *c, int64_t value)
{
    return comm_size(c) > 1 ? c->ops->max(c->context, value) : value;
}

int64_t comm_min(const Comm *c, int64_t value)
{
    return -comm_max(c, -value);
}

void comm_share(const Comm *c, void *items, size_t bytes)
{
    char *const all = items;
    if (comm_size(c) == 1)
        return;
    for (int r = 0; r < c->size; r++) {
        if (r == c->rank)
            continue;
        c->ops->send(c->context, COMM_MAIN, r, all + (size_t)c->rank * bytes, bytes);
        c->ops->receive(c->context, COMM_MAIN, r, all + (size_t)r * bytes, bytes);
    }
    c->ops->finish(c->context, COMM_MAIN, COMM_ALL);
}

/* Everybody gets what one rank says. */
static void tell(const Comm *c, int from, void *data, size_t bytes)
{
    for (int r = 0; r < c->size && from == c->rank; r++)
        if (r != from)
            c->ops->send(c->context, COMM_MAIN, r, data, bytes);
    if (from != c->rank)
        c->ops->receive(c->context, COMM_MAIN, from, data, bytes);
    c->ops->finish(c->context, COMM_MAIN, COMM_ALL);
}

bool comm_agree(const Comm *c, bool ok, Error *err)
{
    if (comm_size(c) == 1)
        return ok;
    const int first = (int)comm_min(c, ok ? c->size : c->rank);
    if (first == c->size)
        return true;
    Error fault = first == c->rank ? *err : (Error){0};
    tell(c, first, &fault, sizeof fault);
    c->ops->agreed_to_end(c->context);
    if (first == 0)
        return fail(err, fault.code, "%s", fault.message);
    return fail(err, fault.code, "rank %d: %s", first, fault.message);
}

/* The line that starts at `text`, copied; returns where the next one starts. */
static const char *copy_line(const char *text, char *line, size_t size)
{
    const size_t length = strcspn(text, "\n");
    snprintf(line, size, "%.*s", (int)length, text);
    return text + length + (text[length] == '\n');
}

bool comm_same(const Comm *c, const char *lines, Error *err)
{
    char *theirs = xstrdup(lines), what[256], there[256];
    comm_broadcast_text(c, &theirs);
    bool same = true;
    for (const char *a = lines, *b = theirs; same && (*a || *b);) {
        a = copy_line(a, what, sizeof what);
        b = copy_line(b, there, sizeof there);
        same = strcmp(what, there) == 0
               || fail(err, ERR_INVALID, "it has %s, and rank 0 has %s", what, there);
    }
    free(theirs);
    return comm_agree(c, same, err);
}
