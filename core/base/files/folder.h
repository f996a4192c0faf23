/* core/base/files/folder.h -- what stands in a folder. */
#pragma once
#include <dirent.h>
#include <stdbool.h>

/* The names in an open folder, from the first on; it stays open and where it is. To be closed with
 * closedir. NULL with errno. */
DIR *folder_names(int folder);

/* Whether nothing is at `path`, or an empty folder, which rename(2) replaces by another one. */
bool folder_is_free(const char *path);
