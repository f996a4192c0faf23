#include "server/base/log.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/time.h"

enum { LINE = 4096 };  // bytes of a line at most

struct Log {
    int fd;
    LogLevel level;
    LogFormat format;
    pthread_mutex_t lock;
};

const char *const LOG_LEVEL_NAMES[] = {
    [LOG_ERROR] = "error",     [LOG_WARNING] = "warning", [LOG_INFO] = "info",
    [LOG_REQUEST] = "request", [LOG_DEBUG] = "debug",     [LOG_DEBUG + 1] = NULL,
};

const char *const LOG_FORMAT_NAMES[] = {
    [LOG_AS_TEXT] = "text",
    [LOG_AS_JSON] = "json",
    [LOG_AS_JSON + 1] = NULL,
};

/* A line being made. A field that does not fit is left out as a whole. */
typedef struct {
    char text[LINE];
    size_t used;
    bool full;
} Line;

enum {
    CLOSING = 2,  // bytes kept for the brace and the newline
    VALUE = 1024  // bytes of one text that are shown
};

static void put(Line *line, const char *bytes, size_t count)
{
    if (count > sizeof line->text - CLOSING - line->used) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->used, bytes, count);
    line->used += count;
}

static void put_text(Line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_quoted(Line *line, const char *text)
{
    const size_t size = strlen(text);
    const char *p = text;
    const char *const end = text + size;
    const char *const shown_end = size < VALUE ? end : text + VALUE;
    put_text(line, "\"");
    while (p < shown_end) {
        char code[8];
        const size_t length = utf8_next(p, end);
        if (length == 0)
            put_text(line, "\\ufffd");
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            put(line, code, (size_t)snprintf(code, sizeof code, "\\u%04x", (unsigned char)*p));
        else if (*p == '"' || *p == '\\')
            put(line, code, (size_t)snprintf(code, sizeof code, "\\%c", *p));
        else
            put(line, p, length);
        p += length ? length : 1;
    }
    put_text(line, *p ? "...\"" : "\"");
}

static bool plain_word(const char *text)
{
    if (!*text || strlen(text) > VALUE)
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\' || *p == '=')
            return false;
    }
    return true;
}

static void put_value(Line *line, LogFormat format, const LogField *field)
{
    char number[40];
    switch (field->type) {
    case LOG_VALUE_INT:
        snprintf(number, sizeof number, "%" PRId64, field->integer);
        break;
    case LOG_VALUE_REAL:
        if (isfinite(field->real))
            snprintf(number, sizeof number, "%.6g", field->real);
        else
            snprintf(number, sizeof number, "%s", format == LOG_AS_JSON ? "null" : "nan");
        break;
    case LOG_VALUE_TEXT: {
        const char *text = field->text ? field->text : "";
        if (format == LOG_AS_TEXT && plain_word(text))
            put_text(line, text);
        else
            put_quoted(line, text);
        return;
    }
    }
    put_text(line, number);
}

static void put_field(Line *line, LogFormat format, const LogField *field)
{
    const size_t before = line->used;
    if (format == LOG_AS_JSON) {
        put_text(line, line->used > 1 ? ",\"" : "\"");
        put_text(line, field->key);
        put_text(line, "\":");
    } else {
        if (line->used > 0)
            put_text(line, " ");
        put_text(line, field->key);
        put_text(line, "=");
    }
    put_value(line, format, field);
    if (line->full) {
        line->used = before;
        line->full = false;
    }
}

Log *log_new(int fd, LogLevel level, LogFormat format)
{
    Log *log = xcalloc(1, sizeof *log);
    log->fd = fd;
    log->level = level;
    log->format = format;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void log_free(Log *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->lock);
    free(log);
}

bool log_wants(const Log *log, LogLevel level)
{
    return log && level <= log->level;
}

void log_write(Log *log, LogLevel level, const LogField *fields, int count)
{
    if (!log_wants(log, level))
        return;
    char stamp[TIME_TEXT];
    time_format(time_now_ms(), stamp);
    Line line = {.used = 0};
    if (log->format == LOG_AS_JSON)
        put_text(&line, "{");
    const LogField time = log_text("time", stamp);
    const LogField name = log_text("level", LOG_LEVEL_NAMES[level]);
    put_field(&line, log->format, &time);
    put_field(&line, log->format, &name);
    for (int i = 0; i < count; i++)
        put_field(&line, log->format, &fields[i]);
    if (log->format == LOG_AS_JSON)
        line.text[line.used++] = '}';
    line.text[line.used++] = '\n';
    pthread_mutex_lock(&log->lock);
    // A log that cannot be written has nowhere to say so.
    const ssize_t written = write(log->fd, line.text, line.used);
    (void)written;
    pthread_mutex_unlock(&log->lock);
}
