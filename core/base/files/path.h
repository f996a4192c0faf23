/* core/base/files/path.h -- the two parts of a path. */
#pragma once

/* What stands behind the last slash. */
const char *path_name(const char *path);
/* The folder that it names: "/" of "/a", "." of "a"; from malloc. */
char *path_folder(const char *path);
