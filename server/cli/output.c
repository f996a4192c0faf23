#include "server/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "core/base/files/atomic_file.h"
#include "core/base/text.h"
#include "server/cli/args.h"
#include "server/cli/run/interrupt.h"

enum { LINE = 1024, END_WAIT_MS = 500 };

/* Wait until something can be written; false: an interrupted command has waited long enough. */
static bool wait_for_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    while (true) {
        const bool ends = interrupt_signal() != 0;
        const int ready = poll(&out, 1, ends ? END_WAIT_MS : -1);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
        if (ends)
            return false;
    }
}

void output_text(Output *o, const char *text, size_t length)
{
    while (length > 0 && !o->fault && wait_for_reader()) {
        const ssize_t written = write(STDOUT_FILENO, text, length);
        if (written >= 0) {
            text += written;
            length -= (size_t)written;
        } else if (errno != EINTR && errno != EAGAIN) {
            o->fault = errno;
            output_error("standard output: %s; going on without it", strerror(o->fault));
        }
    }
}

void output_line(Output *o, const char *fmt, ...)
{
    char line[LINE];
    va_list args;
    va_start(args, fmt);
    const int length = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    text_finish(line, sizeof line - 1, length);
    const size_t used = strlen(line);
    line[used] = '\n';
    output_text(o, line, used + 1);
}

void output_error(const char *fmt, ...)
{
    char line[LINE];
    va_list args;
    va_start(args, fmt);
    text_finish(line, sizeof line, vsnprintf(line, sizeof line, fmt, args));
    va_end(args);
    fprintf(stderr, "googlenetd: %s\n", line);
}

int output_wider(int width, const char *text)
{
    const int length = (int)strlen(text);
    return length > width ? length : width;
}

bool output_file_named(const char *option, const char *file, Error *err)
{
    return !file || strcmp(file, "-") != 0
           || fail(err, ERR_INVALID,
                   "--%s must name a file, got -: standard output has what the command prints",
                   option);
}

bool output_file_possible(const char *path, Error *err)
{
    AtomicFile *file = NULL;
    if (path && !atomic_file_open(path, &file, err))
        return false;
    atomic_file_cancel(file);
    return true;
}

/* A cookie_write_function_t: 0 with errno for a fault. */
static ssize_t write_waiting(void *cookie, const char *text, size_t length)
{
    (void)cookie;
    while (wait_for_reader()) {
        const ssize_t written = write(STDOUT_FILENO, text, length);
        if (written >= 0)
            return written;
        if (errno != EINTR && errno != EAGAIN)
            return 0;
    }
    errno = EINTR;
    return 0;
}

void output_json(const cJSON *json)
{
    char *text = cJSON_Print(json);
    printf("%s\n", text);
    cJSON_free(text);
}

int output_divert(bool wanted)
{
    if (!wanted || fflush(stdout) != 0)
        return -1;
    const int output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (output >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    return output;
}

/* What standard error does not take is lost, and is no fault of standard output. */
void output_restore(int diverted)
{
    if (diverted < 0)
        return;
    fflush(stdout);
    __fpurge(stdout);
    clearerr(stdout);
    dup2(diverted, STDOUT_FILENO);
    close(diverted);
}

/* The flag is everybody's who has the pipe: it is not taken away. */
void output_prepare(void)
{
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || !(flags & O_NONBLOCK))
        return;
    FILE *waiting = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_waiting});
    if (!waiting)
        return;
    setvbuf(waiting, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    stdout = waiting;
}

int output_finish(const Output *o, int exit_code)
{
    const bool flushed = fflush(stdout) == 0 && !ferror(stdout);
    if (!flushed)
        output_error("standard output: %s", strerror(errno));
    const bool all = flushed && (!o || !o->fault);
    return exit_code == EXIT_OK && !all ? EXIT_FAILED : exit_code;
}
