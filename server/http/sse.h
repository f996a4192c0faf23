/* server/http/sse.h -- the text of a Server-Sent Event (WHATWG HTML, 9.2.5). */
#pragma once
#include <stdint.h>
#include <stdio.h>

/* "id: 7\nevent: point\ndata: {...}\n\n"; each line of `data` becomes a data line of its own. */
void sse_write(FILE *out, int64_t id, const char *type, const char *data);

/* A comment, with the id that a reader shall come back with: no event for its listeners. */
void sse_write_start(FILE *out, int64_t id);

#define SSE_BEAT ": beat\n\n"
