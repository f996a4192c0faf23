/* core/base/files/path.h -- the two parts of a path, and the two names that every folder has. */
#pragma once
#include <stdbool.h>

/* What stands behind the last slash. */
const char *path_name(const char *path);
/* The folder that it names: "/" of "/a", "." of "a"; from malloc. */
char *path_folder(const char *path);

/* "." and "..", which every folder lists beside what is in it. */
bool path_is_dots(const char *name);
