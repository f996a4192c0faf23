#include "core/base/invariant.h"

#include <stdio.h>
#include <stdlib.h>

void invariant_broken(const char *promise, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this does not hold, which is a fault of the program: %s\n", file, line,
            promise);
    abort();
}
