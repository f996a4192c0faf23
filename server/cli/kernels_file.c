#include "server/cli/kernels_file.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "server/jobs/job_files.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

char *kernels_file(void)
{
    if (variable("GOOGLENETD_KERNELS"))
        return xstrdup(variable("GOOGLENETD_KERNELS"));
    const char *cache = variable("XDG_CACHE_HOME"), *home = variable("HOME");
    if (!cache && !home)
        return NULL;
    char *parent = cache ? xstrdup(cache) : xasprintf("%s/.cache", home);
    char *folder = xasprintf("%s/googlenetd", parent);
    const bool made = folder_make(parent, NULL) && folder_make(folder, NULL);
    char *file = made ? xasprintf("%s/kernels.txt", folder) : NULL;
    free(folder);
    free(parent);
    return file;
}
