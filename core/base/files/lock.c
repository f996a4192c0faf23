#include "core/base/files/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_MS = 20 };

static int open_to_lock(const char *path)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0 ? folder : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
}

int lock_take(const char *path, int wait_ms, Error *err)
{
    const int fd = open_to_lock(path);
    if (fd < 0) {
        fail(err, ERR_IO, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    int status;
    for (int waited = 0; (status = flock(fd, LOCK_EX | LOCK_NB)) != 0; waited += PAUSE_MS) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || waited >= wait_ms)
            break;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    if (status == 0)
        return fd;
    fail(err, errno == EWOULDBLOCK ? ERR_CONFLICT : ERR_IO, "cannot lock %s: %s", path,
         errno == EWOULDBLOCK ? "another process holds the lock" : strerror(errno));
    close(fd);
    return -1;
}
