#include "server/cli/run/autotune_cache.h"

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

/* A file that can only be read spares the measuring all the same. */
static bool is_usable(const char *folder, const char *file, Error *why)
{
    return access(folder, W_OK) == 0 || access(file, R_OK) == 0
           || fail(why, ERR_IO, "%s: %s", folder, strerror(errno));
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
    char *file = xasprintf("%s/kernels.txt", folder);
    if (!folder_make(parent, why) || !folder_make(folder, why) || !is_usable(folder, file, why)) {
        free(file);
        file = NULL;
    }
    free(folder);
    free(parent);
    return file;
}
