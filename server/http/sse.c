#include "server/http/sse.h"

#include <stdio.h>
#include <string.h>

void sse_write(FILE *out, const char *id, const char *type, const char *data)
{
    fprintf(out, "id: %s\nevent: %s\n", id, type);
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

void sse_write_start(FILE *out, const char *id)
{
    fprintf(out, ": events after %s\nretry: 2000\nid: %s\n\n", id, id);
}
