#include "server/cli/patience.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

void wait_patiently(char **argv)
{
    char path[PATH_MAX] = "";
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    // By its own path, or ps would show it as "exe".
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0 && setenv("GOMP_SPINCOUNT", "1000", 1) == 0)
        execv(path, argv);
}
