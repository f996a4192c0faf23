/* server/data/dataset_sources.c -- the folder of imports, and what lies in it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/datasets_private.h"

/* ---- A source by name ---- */

/* The folder may be on a disk that comes later, and be another one then: it is looked up with each
 * use. */
bool datasets_note_imports(Datasets *sets, const char *imports, Error *err)
{
    struct stat info;
    if (!imports || !imports[0])
        return true;
    if (stat(imports, &info) != 0)
        LOG(sets->log, LOG_WARNING, "imports_away", log_text("folder", imports),
            log_text("error", strerror(errno)));
    else if (!S_ISDIR(info.st_mode))
        return fail(err, ERR_INVALID, "imports must be a folder, %s is none", imports);
    sets->imports = xstrdup(imports);
    return true;
}

static bool resolve(const char *named, const char *what, Path *path, Error *err)
{
    const bool relative = what[0] && what[0] != '/';
    if (relative && realpath(named, path->text))
        return true;
    if (relative && errno != ENOENT && errno != ENOTDIR)
        return fail(err, ERR_INVALID, "%.200s cannot be looked at: %s", what, strerror(errno));
    return fail(err, ERR_INVALID,
                "must be a folder or an archive below the imports folder, there is no %.200s",
                what);
}

bool datasets_source(const Datasets *sets, const char *what, Path *path, Error *err)
{
    Path named, root;
    if (!sets->imports)
        return fail(err, ERR_INVALID,
                    "needs a folder from which the daemon may import: start it with --imports "
                    "FOLDER, or set \"imports\" in its configuration");
    const int length = snprintf(named.text, sizeof named.text, "%s/%s", sets->imports, what);
    if (length < 0 || (size_t)length >= sizeof named.text)
        return fail(err, ERR_INVALID, "is too long");
    if (!realpath(sets->imports, root.text))
        return fail(err, ERR_INVALID, "the folder of imports, %s: %s", sets->imports,
                    strerror(errno));
    if (!resolve(named.text, what, path, err))
        return false;
    const size_t n = strlen(root.text);
    if (strncmp(path->text, root.text, n) != 0 || path->text[n] != '/')
        return fail(err, ERR_INVALID, "leads out of the imports folder: %.200s", what);
    return access(path->text, R_OK) == 0
           || fail(err, ERR_INVALID, "cannot be read: %s", strerror(errno));
}

/* ---- All sources ---- */

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
