/* server/data/dataset_sources.c -- what lies in the folder of imports. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/datasets_private.h"

/* An archive as its name says: what it is shows when it is read. */
static bool is_archive(const char *name)
{
    static const char *const ENDINGS[] = {".zip", ".tar", ".tar.gz", ".tgz"};
    const size_t length = strlen(name);
    for (size_t i = 0; i < COUNT(ENDINGS); i++) {
        const size_t n = strlen(ENDINGS[i]);
        if (length > n && strcasecmp(name + length - n, ENDINGS[i]) == 0)
            return true;
    }
    return false;
}

static void add_source(const Datasets *sets, const char *name, DatasetSources *sources)
{
    Path path;
    Error ignored;
    struct stat info;
    if (name[0] == '.' || !utf8_valid(name) || !datasets_source(sets, name, &path, &ignored)
        || stat(path.text, &info) != 0)
        return;
    const bool folder = S_ISDIR(info.st_mode);
    if (!folder && !(S_ISREG(info.st_mode) && is_archive(name)))
        return;
    sources->items = xrealloc(sources->items, sources->count + 1, sizeof *sources->items);
    sources->items[sources->count++] =
        (DatasetSource){xstrdup(name), folder ? -1 : (int64_t)info.st_size};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const DatasetSource *)a)->name, ((const DatasetSource *)b)->name);
}

bool datasets_sources(const Datasets *sets, DatasetSources *sources, Error *err)
{
    *sources = (DatasetSources){.count = 0};
    if (!sets->imports)
        return true;
    DIR *folder = opendir(sets->imports);
    if (!folder)
        return fail(err, ERR_IO, "the folder of imports, %s: %s", sets->imports, strerror(errno));
    for (const struct dirent *e; sources->count < DATASET_SOURCES_MOST && (e = readdir(folder));)
        add_source(sets, e->d_name, sources);
    closedir(folder);
    if (sources->count > 0)
        qsort(sources->items, sources->count, sizeof *sources->items, by_name);
    return true;
}

void dataset_sources_free(DatasetSources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        free(sources->items[i].name);
    free(sources->items);
}
