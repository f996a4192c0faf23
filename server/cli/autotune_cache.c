#include "server/cli/autotune_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/files.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool can_write(const char *folder, Error *why)
{
    return access(folder, W_OK) == 0 || fail(why, ERR_IO, "%s: %s", folder, strerror(errno));
}

char *autotune_cache_path(Error *why)
{
    if (variable("GOOGLENETD_KERNELS"))
        return xstrdup(variable("GOOGLENETD_KERNELS"));
    const char *cache = variable("XDG_CACHE_HOME"), *home = variable("HOME");
    if (cache && cache[0] != '/')
        cache = NULL;  // as the XDG specification says
    if (!cache && !home) {
        fail(why, ERR_NOT_FOUND, "HOME is not set");
        return NULL;
    }
    char *parent = cache ? xstrdup(cache) : xasprintf("%s/.cache", home);
    char *folder = xasprintf("%s/googlenetd", parent);
    const bool made =
        folder_make(parent, why) && folder_make(folder, why) && can_write(folder, why);
    char *file = made ? xasprintf("%s/kernels.txt", folder) : NULL;
    free(folder);
    free(parent);
    return file;
}
