#include "core/base/files/folder.h"

#include <fcntl.h>
#include <unistd.h>

DIR *folder_names(int folder)
{
    const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (!names && copy >= 0)
        close(copy);
    return names;
}
