#include "server/http/sse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void sse_write(FILE *out, int64_t id, const char *type, const char *data)
{
    fprintf(out, "id: %" PRId64 "\nevent: %s\n", id, type);
    for (;;) {
        const size_t n = strcspn(data, "\r\n");
        fprintf(out, "data: %.*s\n", (int)n, data);
        data += n;
        if (!*data)
            break;
        data += data[0] == '\r' && data[1] == '\n' ? 2 : 1;
    }
    fputc('\n', out);
}

void sse_write_start(FILE *out, int64_t id)
{
    fprintf(out, ": events after %" PRId64 "\nretry: 2000\nid: %" PRId64 "\n\n", id, id);
}
