#include "core/base/files/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { MOST_MAPS = 256 };

/* A row of the handler's table. It reads `start` first and writes it last. */
typedef struct {
    atomic_bool taken;
    atomic_uintptr_t start;  // 0: no map
    atomic_size_t size;
    atomic_bool damaged;
} Guard;

struct FileMap {
    char *path;
    int fd;
    struct timespec changed;
    size_t size;
    uint8_t *bytes;
    Guard *guard;
};

static Guard guards[MOST_MAPS];
static struct sigaction handler_before;
static atomic_uintptr_t page_size;
static atomic_flag installing = ATOMIC_FLAG_INIT;

/* In a signal handler: only atomics and system calls. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    const int saved = errno;
    const uintptr_t at = (uintptr_t)info->si_addr;
    for (int i = 0; i < MOST_MAPS; i++) {
        const uintptr_t start = atomic_load(&guards[i].start);
        if (start == 0 || at < start || at - start >= atomic_load(&guards[i].size))
            continue;
        atomic_store(&guards[i].damaged, true);  // before another thread can read the zeros
        const uintptr_t size = atomic_load(&page_size), page = at - at % size;
        if (mmap((void *)page, size, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            != MAP_FAILED) {
            errno = saved;
            return;
        }
    }
    sigaction(number, &handler_before, NULL);  // the access is tried again and meets that one
    errno = saved;
}

/* Whatever handles the signal now, ours comes before it. */
static void install_handler(void)
{
    struct sigaction now,
        action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    while (atomic_flag_test_and_set(&installing))
        sched_yield();
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigaction(SIGBUS, NULL, &now);
    if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_bus_error) {
        handler_before = now;
        sigaction(SIGBUS, &action, NULL);
    }
    atomic_flag_clear(&installing);
}

static Guard *take_guard(const uint8_t *bytes, size_t size)
{
    for (int i = 0; i < MOST_MAPS; i++) {
        Guard *g = &guards[i];
        if (atomic_exchange(&g->taken, true))
            continue;
        atomic_store(&g->damaged, false);
        atomic_store(&g->size, size);
        atomic_store(&g->start, (uintptr_t)bytes);
        return g;
    }
    return NULL;
}

static bool open_file(FileMap *m, Error *err)
{
    struct stat info;
    m->fd = open(m->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (m->fd < 0)
        return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", m->path,
                    strerror(errno));
    if (fstat(m->fd, &info) != 0)
        return fail(err, ERR_IO, "cannot read %s: %s", m->path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return fail(err, ERR_DAMAGED, "%s is not a file", m->path);
    if ((uint64_t)info.st_size != m->size)
        return fail(err, ERR_DAMAGED, "%s has %lld bytes, it should have %zu", m->path,
                    (long long)info.st_size, m->size);
    m->changed = info.st_mtim;
    return true;
}

static bool map_file(FileMap *m, Error *err)
{
    void *bytes = mmap(NULL, m->size, PROT_READ, MAP_SHARED, m->fd, 0);
    if (bytes == MAP_FAILED)
        return fail(err, errno == ENOMEM ? ERR_NO_MEMORY : ERR_IO, "cannot map %s: %s", m->path,
                    strerror(errno));
    m->bytes = bytes;
    m->guard = take_guard(bytes, m->size);
    return m->guard
           || fail(err, ERR_NO_MEMORY, "cannot map %s: more than %d files are mapped", m->path,
                   MOST_MAPS);
}

bool file_map_open(const char *path, size_t size, FileMap **map, Error *err)
{
    install_handler();
    FileMap *m = xcalloc(1, sizeof *m);
    m->path = xstrdup(path);
    m->size = size;
    if (!open_file(m, err) || !map_file(m, err)) {
        file_map_close(m);
        return false;
    }
    *map = m;
    return true;
}

void file_map_close(FileMap *m)
{
    if (!m)
        return;
    if (m->guard) {
        atomic_store(&m->guard->start, 0);
        atomic_store(&m->guard->taken, false);
    }
    if (m->bytes)
        munmap(m->bytes, m->size);
    if (m->fd >= 0)
        close(m->fd);
    free(m->path);
    free(m);
}

const uint8_t *file_map_bytes(const FileMap *m)
{
    return m->bytes;
}

bool file_map_intact(const FileMap *m, Error *err)
{
    struct stat now;
    if (atomic_load(&m->guard->damaged))
        return fail(err, ERR_DAMAGED, "%s could not be read: it was shortened, or the disk failed",
                    m->path);
    if (fstat(m->fd, &now) != 0)
        return fail(err, ERR_IO, "cannot read %s: %s", m->path, strerror(errno));
    return ((uint64_t)now.st_size == m->size && now.st_mtim.tv_sec == m->changed.tv_sec
            && now.st_mtim.tv_nsec == m->changed.tv_nsec)
           || fail(err, ERR_DAMAGED, "%s was changed while it was in use", m->path);
}

void file_map_will_need(const FileMap *m, size_t offset, size_t size)
{
    const size_t before = offset % page_size;
    madvise(m->bytes + offset - before, size + before, MADV_WILLNEED);
}
