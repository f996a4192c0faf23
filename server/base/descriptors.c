#include "server/base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

bool descriptors_open_standard(void)
{
    // The wrong way round for input and output: reading and printing must fail, not vanish.
    static const int MODES[] = {O_WRONLY, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd <= 2; fd++) {
        // The lowest free number is given out, so this is the one.
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", MODES[fd]) != fd)
            return false;
    }
    return true;
}

int descriptors_allow(int wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur < (rlim_t)wanted) {
        const struct rlimit more = {.rlim_cur = limit.rlim_max < (rlim_t)wanted ? limit.rlim_max
                                                                                : (rlim_t)wanted,
                                    .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            limit = more;
    }
    return limit.rlim_cur < (rlim_t)wanted ? (int)limit.rlim_cur : wanted;
}

int descriptor_out_of_the_way(int fd)
{
    enum { FIRST = 10 };
    if (fd < 0)
        return -1;
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST);
    // EINVAL: the limit on descriptors is no higher than FIRST.
    const int reason = errno == EINVAL ? EMFILE : errno;
    close(fd);
    errno = reason;
    return copy;
}
