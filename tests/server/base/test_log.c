/* tests/server/base/test_log.c -- a line stays one line, whatever is in it. */
#include "server/base/log.h"

#include <cJSON.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"

typedef struct {
    int ends[2];
    char text[65536];
} Capture;

static Log *open_log(Capture *capture, LogLevel level, LogFormat format)
{
    assert_int_equal(pipe(capture->ends), 0);
    return log_new(capture->ends[1], level, format);
}

/* What was written; closes the log. */
static const char *close_log(Capture *capture, Log *log)
{
    log_free(log);
    close(capture->ends[1]);
    size_t used = 0;
    for (ssize_t got;
         (got = read(capture->ends[0], capture->text + used, sizeof capture->text - 1 - used)) > 0;)
        used += (size_t)got;
    capture->text[used] = '\0';
    close(capture->ends[0]);
    return capture->text;
}

static void text_lines_are_words(void **state)
{
    (void)state;
    Capture capture;
    Log *log = open_log(&capture, LOG_INFO, LOG_AS_TEXT);
    LOG(log, LOG_INFO, "epoch", log_int("job", 12), log_real("loss", 0.5), log_text("name", "a b"),
        log_text("none", NULL));
    const char *text = close_log(&capture, log);
    const char *rest = strstr(text, " level=");
    assert_non_null(rest);
    assert_int_equal(strncmp(text, "time=2", 6), 0);
    assert_string_equal(rest, " level=info event=epoch job=12 loss=0.5 name=\"a b\" none=\"\"\n");
}

static void levels_above_the_wanted_are_silent(void **state)
{
    (void)state;
    Capture capture;
    Log *log = open_log(&capture, LOG_WARNING, LOG_AS_TEXT);
    LOG(log, LOG_INFO, "quiet", log_int("n", 1));
    LOG(log, LOG_ERROR, "loud", log_int("n", 2));
    LOG(NULL, LOG_ERROR, "nowhere", log_int("n", 3));
    const char *text = close_log(&capture, log);
    assert_null(strstr(text, "quiet"));
    assert_non_null(strstr(text, "loud"));
}

static void json_lines_parse_with_any_bytes(void **state)
{
    (void)state;
    Capture capture;
    Log *log = open_log(&capture, LOG_INFO, LOG_AS_JSON);
    LOG(log, LOG_INFO, "request", log_text("path", "/a\"b\\c\n\x7f\xff\xc3\xa9"),
        log_real("nan", NAN), log_int("bytes", -3));
    const char *text = close_log(&capture, log);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    cJSON *line = cJSON_Parse(text);
    assert_non_null(line);
    assert_string_equal(cJSON_GetObjectItem(line, "event")->valuestring, "request");
    assert_string_equal(cJSON_GetObjectItem(line, "path")->valuestring,
                        "/a\"b\\c\n\x7f\xef\xbf\xbd\xc3\xa9");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(line, "nan")));
    assert_int_equal(cJSON_GetObjectItem(line, "bytes")->valueint, -3);
    cJSON_Delete(line);
}

static void long_values_are_cut_and_the_line_still_ends(void **state)
{
    (void)state;
    char *longer = xcalloc(1, 3001);
    memset(longer, 'x', 3000);
    Capture capture;
    Log *log = open_log(&capture, LOG_INFO, LOG_AS_JSON);
    LOG(log, LOG_INFO, "long", log_text("a", longer), log_text("b", longer), log_text("c", longer),
        log_text("d", longer), log_int("last", 1));
    cJSON *line = cJSON_Parse(close_log(&capture, log));
    assert_non_null(line);
    assert_int_equal(strlen(cJSON_GetObjectItem(line, "a")->valuestring), 1024 + strlen("..."));
    assert_null(cJSON_GetObjectItem(line, "d"));
    assert_int_equal(cJSON_GetObjectItem(line, "last")->valueint, 1);
    cJSON_Delete(line);
    free(longer);
}

/* Nobody reads: logging goes on, and so does the end. */
static void a_full_pipe_is_never_waited_for(void **state)
{
    (void)state;
    enum { LINES = 20000 };
    int ends[2];
    static char text[1 << 20];
    assert_int_equal(pipe(ends), 0);
    Log *log = log_new(ends[1], LOG_INFO, LOG_AS_TEXT);
    for (int i = 0; i < LINES; i++)
        LOG(log, LOG_INFO, "line", log_int("number", i), log_text("filler", "0123456789abcdef"));
    const int64_t dropped = log_dropped(log);
    assert_true(dropped > 0 && dropped < LINES);
    assert_false(log_end(log));  // it cannot be written
    LOG(log, LOG_INFO, "too_late", log_int("number", 0));
    assert_int_equal(log_dropped(log), dropped + 1);
    // Somebody reads after all: what was taken comes, whole lines in their order.
    size_t used = 0;
    for (ssize_t got; used < sizeof text - 1 && !memmem(text, used, "log_lines_dropped", 17)
                      && (got = read(ends[0], text + used, sizeof text - 1 - used)) > 0;)
        used += (size_t)got;
    text[used] = '\0';
    assert_non_null(strstr(text, " event=line number=0 "));
    assert_non_null(strstr(text, " event=line number=1 "));
    assert_non_null(strstr(text, "event=log_lines_dropped lines="));
    // Nobody ever will: that is an end as well.
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    assert_true(log_end(log));
    log_free(log);
    close(ends[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_are_words),
        cmocka_unit_test(levels_above_the_wanted_are_silent),
        cmocka_unit_test(json_lines_parse_with_any_bytes),
        cmocka_unit_test(long_values_are_cut_and_the_line_still_ends),
        cmocka_unit_test(a_full_pipe_is_never_waited_for),
    };
    return RUN_TESTS(tests);
}
