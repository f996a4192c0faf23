/* core/base/temporary.h -- names of what is being written, files and folders.
 *
 * "<path>.tmp-<12 hexadecimal digits>", beside what it becomes. Its writer holds a lock (flock) on
 * it; one without a lock was left by a process that died.
 */
#pragma once
#include <stdbool.h>

/* A name that no other writer has; from malloc. */
char *temporary_name(const char *path);
bool temporary_is(const char *name);

/* Whether `fd` is still the file of that name in `folder`, a descriptor. */
bool temporary_has_name(int folder, const char *name, int fd);
