#include "core/base/temporary.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum { DIGITS = 12 };
static const char MARK[] = ".tmp-";

/* Digits that no other writer has. */
static uint64_t random_digits(void)
{
    static atomic_uint_fast64_t calls;
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits)
        bits = (uint64_t)getpid() << 32 ^ (uint64_t)(1e9 * clock_seconds());
    bits ^= atomic_fetch_add(&calls, 1) * 0x9e3779b97f4a7c15u;
    return bits & (((uint64_t)1 << 4 * DIGITS) - 1);
}

char *temporary_name(const char *path)
{
    return xasprintf("%s%s%0*" PRIx64, path, MARK, DIGITS, random_digits());
}

bool temporary_is(const char *name)
{
    const size_t length = strlen(name), tail = strlen(MARK) + DIGITS;
    if (length <= tail || strncmp(name + length - tail, MARK, strlen(MARK)) != 0)
        return false;
    return strspn(name + length - DIGITS, "0123456789abcdef") == DIGITS;
}

bool temporary_has_name(int folder, const char *name, int fd)
{
    struct stat named, opened;
    return fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0
           && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}
