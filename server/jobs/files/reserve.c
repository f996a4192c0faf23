#include "server/jobs/files/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "server/base/files.h"
#include "server/jobs/files/job_files.h"

static bool is_whole(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == RESERVE_BYTES
           && (int64_t)info.st_blocks * 512 >= RESERVE_BYTES;
}

/* An allocation that does not fit takes all the space that is left until it fails, and whoever
 * writes in that moment finds the disk full. So one asks before, and leaves as much as one takes.
 */
static bool fits(const char *data, Error *err)
{
    struct statvfs space;
    if (statvfs(data, &space) != 0)
        return fail(err, ERR_IO, "ask %s for its free space: %s", data, strerror(errno));
    const uint64_t free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    return free_bytes >= 2u * RESERVE_BYTES
           || fail(err, ERR_NO_SPACE, "%llu MiB are free, %d must be before training goes on",
                   (unsigned long long)(free_bytes >> 20), 2 * (RESERVE_BYTES >> 20));
}

static bool allocate(const char *data, const char *path, Error *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return fail(err, error_of_system(errno), "create %s: %s", path, strerror(errno));
    int failed = posix_fallocate(fd, 0, RESERVE_BYTES);
    if (close(fd) != 0 && failed == 0)
        failed = errno;
    return failed == 0
           || fail(err, error_of_system(failed), "the reserve of %d MiB in %s: %s",
                   RESERVE_BYTES >> 20, data, strerror(failed));
}

bool reserve_make(const char *data, Error *err)
{
    const Path path = data_path(data, "reserve");
    if (is_whole(path.text))
        return true;
    if (fits(data, err) && allocate(data, path.text, err))
        return true;
    unlink(path.text);  // a part of it helps nobody
    return false;
}

void reserve_release(const char *data)
{
    unlink(data_path(data, "reserve").text);
}
