#include "server/data/import/report/json_stream.h"

#include <inttypes.h>
#include <string.h>

#include "server/base/json/json_text.h"

static void put_quoted(FILE *out, const char *text)
{
    putc('"', out);
    for (const char *c = text; *c; c++) {
        const unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            fprintf(out, "\\u%04x", byte);
        else
            putc(byte, out);
    }
    putc('"', out);
}

static void begin(JsonStream *s, const char *key)
{
    if (!s->first)
        putc(',', s->out);
    s->first = false;
    if (!key)
        return;
    put_quoted(s->out, key);
    putc(':', s->out);
}

void json_open(JsonStream *s, const char *key, char bracket)
{
    begin(s, key);
    putc(bracket, s->out);
    s->first = true;
}

void json_close(JsonStream *s, char bracket)
{
    putc(bracket, s->out);
    s->first = false;
}

void json_put_text(JsonStream *s, const char *key, const char *text)
{
    begin(s, key);
    put_quoted(s->out, text);
}

void json_put_int(JsonStream *s, const char *key, int64_t value)
{
    begin(s, key);
    fprintf(s->out, "%" PRId64, value);
}

void json_put_real(JsonStream *s, const char *key, double value)
{
    char text[NUMBER_TEXT];
    number_text(value, text);
    begin(s, key);
    fputs(text, s->out);
}

void json_put_bool(JsonStream *s, const char *key, bool value)
{
    begin(s, key);
    fputs(value ? "true" : "false", s->out);
}
