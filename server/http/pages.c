#include "server/http/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"

enum {
    PAGES_MAX = 256,
    PAGES_MAX_DEPTH = 4,
    PAGE_MAX_BYTES = 8 << 20,
    PAGES_MAX_BYTES = 64 << 20,  // of all together
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
    char *text;  // under the lock
    size_t size;
    struct timespec changed;  // when, as its file says
    ino_t inode;
} Page;

struct Pages {
    int folder;  // open, for openat
    Page items[PAGES_MAX];
    int count;
    size_t bytes;  // of all
    pthread_mutex_t lock;
};

static const char *type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < COUNT(TYPES); i++)
        if (strcmp(ending, TYPES[i].ending) == 0)
            return TYPES[i].type;
    return NULL;
}

/* The bytes of a file, with a NUL after them; NULL if it cannot be read. */
static char *read_all(int fd, const struct stat *info)
{
    if (!S_ISREG(info->st_mode) || info->st_size > PAGE_MAX_BYTES)
        return NULL;
    const size_t size = (size_t)info->st_size;
    char *bytes = xcalloc(1, size + 1);
    size_t n = 0;
    while (n < size) {
        const ssize_t got = read(fd, bytes + n, size - n);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            free(bytes);
            return NULL;
        }
        n += got > 0 ? (size_t)got : 0;
    }
    return bytes;
}

/* Read a page whose file is not the one that we have; false if it cannot be read. */
static bool read_page(Pages *pages, Page *page)
{
    struct stat info;
    const int fd = openat(pages->folder, page->path + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &info) == 0;
    char *text = NULL;
    const bool same = ok && page->text && info.st_ino == page->inode
                      && info.st_mtim.tv_sec == page->changed.tv_sec
                      && info.st_mtim.tv_nsec == page->changed.tv_nsec
                      && (size_t)info.st_size == page->size;
    if (ok && !same) {
        const size_t others = pages->bytes - page->size;
        text = (size_t)info.st_size + others <= PAGES_MAX_BYTES ? read_all(fd, &info) : NULL;
        ok = text != NULL;
    }
    close(fd);
    if (!text)
        return ok;
    pthread_mutex_lock(&pages->lock);
    free(page->text);
    page->text = text;
    pages->bytes += (size_t)info.st_size - page->size;
    page->size = (size_t)info.st_size;
    page->changed = info.st_mtim;
    page->inode = info.st_ino;
    pthread_mutex_unlock(&pages->lock);
    return true;
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
            pages->items[pages->count++] = (Page){.path = xstrdup(path), .type = type_of(name)};
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
    pthread_mutex_init(&new->lock, NULL);
    const int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = again >= 0 ? list_folder(new, again, "", 0, err)
                         : fail(err, ERR_IO, "web folder %s: %s", folder, strerror(errno));
    for (int i = 0; ok && i < new->count; i++)
        ok = read_page(new, &new->items[i])
             || fail(err, ERR_IO, "%s%s cannot be read, or is too large", folder,
                     new->items[i].path);
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
    for (int i = 0; i < pages->count; i++) {
        free(pages->items[i].path);
        free(pages->items[i].text);
    }
    close(pages->folder);
    pthread_mutex_destroy(&pages->lock);
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

void pages_refresh(Pages *pages)
{
    for (int i = 0; i < pages->count; i++)
        read_page(pages, &pages->items[i]);  // one that is just being written stays as it was
}

bool pages_get(Pages *pages, const char *path, Response *res, Error *err)
{
    const Page *page = find(pages, path);
    if (!page)
        return fail(err, ERR_NOT_FOUND, "there is nothing at %.200s", path);
    pthread_mutex_lock(&pages->lock);
    const size_t size = page->size;
    char *text = xcalloc(size + 1, 1);
    memcpy(text, page->text, size);
    pthread_mutex_unlock(&pages->lock);
    response_header(res, "Content-Security-Policy", "%s", POLICY);
    return respond_text(res, page->type, text, size);
}
