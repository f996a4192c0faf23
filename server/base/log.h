/* server/base/log.h -- structured lines to a stream: one line per event, as text or as JSON.
 *
 *     LOG(log, LOG_INFO, "job_started", log_int("job", 12), log_text("network", "googlenet"));
 *
 *     time=2026-01-31T12:00:00.000Z level=info event=job_started job=12 network=googlenet
 *     {"time":"2026-01-31T12:00:00.000Z","level":"info","event":"job_started","job":12,...}
 *
 * Values from clients are quoted and escaped: a line stays one line. Thread-safe: lines of several
 * threads do not mix. Logging never waits: where nobody reads, or a disk hangs, lines are dropped
 * and counted, and a line "log_lines_dropped" says how many once there is room again.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_REQUEST,  // one line per HTTP request
    LOG_DEBUG,
} LogLevel;

typedef enum {
    LOG_AS_TEXT,
    LOG_AS_JSON,
} LogFormat;

extern const char *const LOG_LEVEL_NAMES[];   // by LogLevel, NULL-terminated
extern const char *const LOG_FORMAT_NAMES[];  // by LogFormat, NULL-terminated

typedef struct {
    const char *key;
    enum { LOG_VALUE_TEXT, LOG_VALUE_INT, LOG_VALUE_REAL } type;
    const char *text;  // NULL is written as ""
    int64_t integer;
    double real;
} LogField;

static inline LogField log_text(const char *key, const char *value)
{
    return (LogField){.key = key, .type = LOG_VALUE_TEXT, .text = value};
}

static inline LogField log_int(const char *key, int64_t value)
{
    return (LogField){.key = key, .type = LOG_VALUE_INT, .integer = value};
}

static inline LogField log_real(const char *key, double value)
{
    return (LogField){.key = key, .type = LOG_VALUE_REAL, .real = value};
}

typedef struct Log Log;

/* Lines up to `level` go to `fd`, which is borrowed. */
Log *log_new(int fd, LogLevel level, LogFormat format);
/* Write what there is, for a fraction of a second at most; lines of threads that still log are
 * dropped from now on. False if it cannot be written. */
bool log_end(Log *log);
void log_free(Log *log);  // ends it first; nobody logs any more; takes NULL

int64_t log_dropped(Log *log);  // lines that were dropped so far; 0 for NULL

/* The request that the calling thread works for: its lines bear `id`, which is borrowed. NULL:
 * none.
 */
void log_request_id(const char *id);

/* The first field names the event. `log` may be NULL: nothing is written. */
void log_write(Log *log, LogLevel level, const LogField *fields, int count);
bool log_wants(const Log *log, LogLevel level);

/* LOG(log, level, "event", fields...); at least one field. */
#define LOG(log, level, event, ...)                                                                \
    log_write(                                                                                     \
        (log), (level), (const LogField[]){log_text("event", (event)), __VA_ARGS__},               \
        (int)(sizeof((LogField[]){log_text("event", (event)), __VA_ARGS__}) / sizeof(LogField)))
