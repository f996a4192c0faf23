/* DESIGN. A line is made by whoever logs it and put into a buffer of fixed size; one thread writes
 * the buffer out. Whoever reads the other end of a pipe may stop reading, and a disk may hang: then
 * only that thread waits. Lines that find no room are counted, and a line says how many they were.
 */
#include "server/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/base/threads/timed_thread.h"
#include "server/base/time.h"

enum {
    LINE = 4096,          // bytes of a line at most
    WAITING = 256 << 10,  // bytes of lines that wait to be written
};

static const double CLOSE_SECONDS = 0.3;  // for the last lines, when the log is closed

struct Log {
    int fd;
    LogLevel level;
    LogFormat format;
    TimedThread thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t more;  // there are lines, or it is the end
    char *lines;          // waiting to be written: WAITING bytes
    size_t used;
    int64_t dropped;  // since the last line that says so
    int64_t dropped_ever;
    bool closing;
};

// The request that this thread works for; what it logs bears its id.
static _Thread_local const char *request_id;

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

bool log_wants(const Log *log, LogLevel level)
{
    return log && level <= log->level;
}

/* A whole line: time and level, then the fields. */
static void make_line(Line *line, LogLevel level, LogFormat format, const LogField *fields,
                      int count)
{
    char stamp[TIME_TEXT];
    time_format(time_now_ms(), stamp);
    line->used = 0;
    line->full = false;
    if (format == LOG_AS_JSON)
        put_text(line, "{");
    const LogField time = log_text("time", stamp);
    const LogField name = log_text("level", LOG_LEVEL_NAMES[level]);
    put_field(line, format, &time);
    put_field(line, format, &name);
    for (int i = 0; i < count; i++)
        put_field(line, format, &fields[i]);
    if (request_id) {
        const LogField id = log_text("request_id", request_id);
        put_field(line, format, &id);
    }
    if (format == LOG_AS_JSON)
        line->text[line->used++] = '}';
    line->text[line->used++] = '\n';
}

/* ---- The thread that writes ---- */

/* False if it cannot be written: a log has nowhere to say so. */
static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, text, size);
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            // Somebody who shares the descriptor does not want it to block.
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (n == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void write_dropped(const Log *log, int64_t dropped)
{
    Line line;
    const LogField fields[] = {log_text("event", "log_lines_dropped"), log_int("lines", dropped)};
    make_line(&line, LOG_WARNING, log->format, fields, COUNT(fields));
    write_all(log->fd, line.text, line.used);
}

static void *write_lines(void *context)
{
    Log *log = context;
    char *lines = xcalloc(1, WAITING);
    pthread_mutex_lock(&log->lock);
    while (log->used > 0 || !log->closing) {
        if (log->used == 0) {
            pthread_cond_wait(&log->more, &log->lock);
            continue;
        }
        char *taken = log->lines;
        const size_t size = log->used;
        const int64_t dropped = log->dropped;
        log->lines = lines;
        log->used = 0;
        log->dropped = 0;
        pthread_mutex_unlock(&log->lock);
        lines = taken;
        write_all(log->fd, lines, size);
        if (dropped > 0)
            write_dropped(log, dropped);
        pthread_mutex_lock(&log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    free(lines);
    return NULL;
}

/* ---- For all others ---- */

Log *log_new(int fd, LogLevel level, LogFormat format)
{
    Log *log = xcalloc(1, sizeof *log);
    log->fd = fd;
    log->level = level;
    log->format = format;
    log->lines = xcalloc(1, WAITING);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->more, NULL);
    log->has_thread = timed_thread_start(&log->thread, write_lines, log, "the log", NULL);
    if (!log->has_thread)
        log->closing = true;
    return log;
}

/* Wait a little for the thread to write what there is; false if it cannot. */
static bool end_thread(Log *log)
{
    pthread_mutex_lock(&log->lock);
    log->closing = true;
    pthread_cond_signal(&log->more);
    pthread_mutex_unlock(&log->lock);
    return timed_thread_join(&log->thread, CLOSE_SECONDS);
}

bool log_end(Log *log)
{
    if (!log || !log->has_thread)
        return true;
    log->has_thread = !end_thread(log);
    return !log->has_thread;
}

void log_free(Log *log)
{
    // A thread that hangs in a write still uses it all, until the process ends.
    if (!log || !log_end(log))
        return;
    pthread_cond_destroy(&log->more);
    pthread_mutex_destroy(&log->lock);
    free(log->lines);
    free(log);
}

int64_t log_dropped(Log *log)
{
    if (!log)
        return 0;
    pthread_mutex_lock(&log->lock);
    const int64_t dropped = log->dropped_ever;
    pthread_mutex_unlock(&log->lock);
    return dropped;
}

void log_request_id(const char *id)
{
    request_id = id;
}

void log_write(Log *log, LogLevel level, const LogField *fields, int count)
{
    if (!log_wants(log, level))
        return;
    Line line;
    make_line(&line, level, log->format, fields, count);
    pthread_mutex_lock(&log->lock);
    if (!log->closing && line.used <= WAITING - log->used) {
        memcpy(log->lines + log->used, line.text, line.used);
        log->used += line.used;
        pthread_cond_signal(&log->more);
    } else {
        log->dropped++;
        log->dropped_ever++;
    }
    pthread_mutex_unlock(&log->lock);
}
