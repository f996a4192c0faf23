/* server/cli/output.h -- what a command says: standard output and error.
 *
 * Nobody may read the output of a command that runs for long: a pager that stands still, a pipe
 * whose reader has left, a full disk. Lines wait for a reader, but an interrupted command does not
 * wait; and a fault is said once on standard error, while the command, whose results are in files,
 * goes on.
 */
#pragma once
#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

typedef struct {
    int fault;  // errno of the write that failed, after which nothing is written; 0: none has
} Output;

void output_text(Output *output, const char *text, size_t length);

/* A line; its end is added. Control characters and bytes that are not UTF-8 are replaced. */
void output_line(Output *output, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line of standard error: "googlenetd: ..."; its end is added. Made printable as output_line
 * does. */
void output_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The width of a column that holds `text` too. */
int output_wider(int width, const char *text);

/* A tree, indented, by stdio: what --json asks for. */
void output_json(const cJSON *json);

/* Until output_restore, what is printed goes to standard error instead. oneDNN prints by itself:
 * faults in any case, more where ONEDNN_VERBOSE says so, which is not to stand amid JSON. The
 * result is for output_restore: standard output, or -1 where it stays, as it is not `wanted` or not
 * possible. */
int output_divert(bool wanted);
void output_restore(int diverted);

/* Whether `file`, which --option says to write, is a name: "-", standard output elsewhere, is not.
 * ERR_INVALID. NULL, the option was not given, is right. */
bool output_file_named(const char *option, const char *file, Error *err);
/* Whether `path` can be made or replaced by an AtomicFile, to be known before the work rather than
 * after it. NULL is right. Errors as of atomic_file_open. */
bool output_file_possible(const char *path, Error *err);

/* Make stdio wait for a reader where standard output is non-blocking, as a pipe or terminal is that
 * another program has made so; stdio itself takes that for a fault and drops text. */
void output_prepare(void);

/* What a command returns to the shell after all has been said: `exit_code`, or EXIT_FAILED where a
 * success could not be printed, through `output` (may be NULL) or stdio; that is said on stderr. */
int output_finish(const Output *output, int exit_code);
