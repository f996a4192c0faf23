/* core/base/files/temporary.h -- what is being written, files and folders, until it has its name.
 *
 * A temporary is "<path>.tmp-<12 hexadecimal digits>", beside what it becomes. Its writer holds a
 * lock (flock) on it; one without a lock was left by a process that died. `folder` is the
 * descriptor of the folder of both.
 */
#pragma once
#include <stdbool.h>

/* Makes a file or a folder under the name `tmp`, a path, and opens it; -1 with errno, EEXIST if
 * another name is to be tried. */
typedef int (*TemporaryMaker)(int folder, const char *tmp);

/* A new temporary for `path`, locked; its descriptor. -1 with errno. *tmp, from malloc, is the name
 * that was tried last, also then. */
int temporary_make(int folder, const char *path, TemporaryMaker make, char **tmp);

/* Removes one whose writer is gone; `fd` is it. */
typedef void (*TemporaryRemover)(int folder, const char *name, int fd);

/* Remove all of those in `folder`; `flags` for opening them tell files from folders. */
void temporary_sweep(int folder, int flags, TemporaryRemover remover);
