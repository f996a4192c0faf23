#include "core/base/files/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/path.h"

DIR *folder_names(int folder)
{
    const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (!names && copy >= 0)
        close(copy);
    return names;
}

bool folder_is_free(const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return true;
    DIR *dir = S_ISDIR(info.st_mode) ? opendir(path) : NULL;
    bool empty = dir;
    for (const struct dirent *entry; empty && (entry = readdir(dir));)
        empty = path_is_dots(entry->d_name);
    if (dir)
        closedir(dir);
    return empty;
}
