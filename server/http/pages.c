#include "server/http/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"

enum {
    PAGES_MAX = 256,
    PAGES_MAX_DEPTH = 4,
    PAGE_MAX_BYTES = 8 << 20,
};

// Nothing inline, nothing from elsewhere.
static const char POLICY[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "img-src 'self'; font-src 'self'; connect-src 'self'; "
                             "worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *ending;
    const char *type;
} TYPES[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/plain; charset=utf-8"},
};

typedef struct {
    char *path;  // "/vendor/uPlot.min.css"
    const char *type;
} Page;

struct Pages {
    int folder;  // open, for openat
    Page items[PAGES_MAX];
    int count;
};

static const char *type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < COUNT(TYPES); i++)
        if (strcmp(ending, TYPES[i].ending) == 0)
            return TYPES[i].type;
    return NULL;
}

static bool list_folder(Pages *pages, int fd, const char *prefix, int depth, Error *err);

static bool list_entry(Pages *pages, int fd, const char *prefix, const char *name, int depth,
                       Error *err)
{
    struct stat info;
    if (*name == '.' || fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    char *path = xasprintf("%s/%s", prefix, name);
    bool ok = true;
    if (S_ISDIR(info.st_mode) && depth < PAGES_MAX_DEPTH) {
        const int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        ok = inner < 0 || list_folder(pages, inner, path, depth + 1, err);
    } else if (S_ISREG(info.st_mode) && type_of(name)) {
        if (pages->count == PAGES_MAX)
            ok = fail(err, ERR_INVALID, "the web folder has more than %d files", PAGES_MAX);
        else
            pages->items[pages->count++] = (Page){xstrdup(path), type_of(name)};
    }
    free(path);
    return ok;
}

/* Takes `fd`. */
static bool list_folder(Pages *pages, int fd, const char *prefix, int depth, Error *err)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return fail(err, ERR_IO, "read the web folder: %s", strerror(errno));
    }
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(folder)) != NULL;)
        ok = list_entry(pages, dirfd(folder), prefix, entry->d_name, depth, err);
    closedir(folder);
    return ok;
}

bool pages_new(const char *folder, Pages **pages, Error *err)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "web folder %s: %s", folder,
                    strerror(errno));
    Pages *new = xcalloc(1, sizeof *new);
    new->folder = fd;
    const int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = again >= 0 ? list_folder(new, again, "", 0, err)
                               : fail(err, ERR_IO, "web folder %s: %s", folder, strerror(errno));
    if (ok)
        *pages = new;
    else
        pages_free(new);
    return ok;
}

void pages_free(Pages *pages)
{
    if (!pages)
        return;
    for (int i = 0; i < pages->count; i++)
        free(pages->items[i].path);
    close(pages->folder);
    free(pages);
}

static const Page *find(const Pages *pages, const char *path)
{
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    for (int i = 0; pages && i < pages->count; i++)
        if (strcmp(pages->items[i].path, path) == 0)
            return &pages->items[i];
    return NULL;
}

bool pages_has(const Pages *pages, const char *path)
{
    return find(pages, path) != NULL;
}

static bool read_all(int fd, char **text, size_t *size)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > PAGE_MAX_BYTES)
        return false;
    char *bytes = xcalloc(1, (size_t)info.st_size + 1);
    size_t n = 0;
    while (n < (size_t)info.st_size) {
        const ssize_t got = read(fd, bytes + n, (size_t)info.st_size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return false;
        }
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *text = bytes;
    *size = n;
    return true;
}

bool pages_get(const Pages *pages, const char *path, Response *res, Error *err)
{
    const Page *page = find(pages, path);
    if (!page)
        return fail(err, ERR_NOT_FOUND, "there is nothing at %.200s", path);
    char *text;
    size_t size;
    const int fd = openat(pages->folder, page->path + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    const bool ok = fd >= 0 && read_all(fd, &text, &size);
    if (fd >= 0)
        close(fd);
    if (!ok)
        return fail(err, ERR_IO, "%s cannot be read", page->path);
    response_header(res, "Content-Security-Policy", "%s", POLICY);
    return respond_text(res, page->type, text, size);
}
