#include "tests/server/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

Scratch scratch_new(void)
{
    Scratch scratch;
    const char *folder = getenv("TMPDIR");
    snprintf(scratch.path, sizeof scratch.path, "%s/googlenetd-test-XXXXXX",
             folder && *folder ? folder : "/tmp");
    if (!mkdtemp(scratch.path)) {
        perror("mkdtemp");
        abort();
    }
    return scratch;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void scratch_free(Scratch *scratch)
{
    nftw(scratch->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const Scratch *scratch, const char *name)
{
    static char paths[4][2 * PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch->path, name);
    return path;
}
