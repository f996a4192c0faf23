/* server/http/sse.h -- the text of a Server-Sent Event (WHATWG HTML, 9.2.5). */
#pragma once
#include <stdio.h>

/* "id: 5c1f-7\nevent: point\ndata: {...}\n\n"; each line of `data` becomes a data line of its own.
 * `id` is what a reader that comes back sends as Last-Event-ID. */
void sse_write(FILE *out, const char *id, const char *type, const char *data);

/* A comment, with the id that a reader shall come back with: no event for its listeners. */
void sse_write_start(FILE *out, const char *id);

#define SSE_COMMENT ": heartbeat\n\n"
