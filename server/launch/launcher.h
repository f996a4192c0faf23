/* server/launch/launcher.h -- the command that starts the ranks of a job, as the daemon is told it:
 *
 *     mpirun -n {ranks} --host one,two {program}
 *
 * Its words are divided by blanks; ' and " keep blanks in a word. The word {program} becomes the
 * program and its command, and in all other words {ranks} their number.
 */
#pragma once
#include "core/base/error.h"

/* ERR_INVALID: a quote is not closed, there is no {program}, or too many words. */
bool launcher_check(const char *template, Error *err);

/* The words for so many ranks, NULL-terminated, to be freed by launcher_free. */
char **launcher_words(const char *template, int ranks, const char *program);
void launcher_free(char **words);
