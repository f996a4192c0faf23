#include "server/data/decoder/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/process_memory.h"

// A sanitizer maps terabytes of shadow memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- Limits ---- */

static bool limit(__rlimit_resource_t what, rlim_t most)
{
    return setrlimit(what, &(struct rlimit){.rlim_cur = most, .rlim_max = most}) == 0;
}

static bool set_limits(size_t address_space)
{
    if (!SANITIZED && !limit(RLIMIT_AS, address_space))
        return false;
    return limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, 0)
           && limit(RLIMIT_NPROC, 0);
}

/* ---- Landlock ---- */

static bool enter_landlock(void)
{
    // Every right of the first version, and no rule that gives one back.
    const struct landlock_ruleset_attr none = {.handled_access_fs =
                                                   (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    const int fd = (int)syscall(SYS_landlock_create_ruleset, &none, sizeof none, 0);
    if (fd < 0)
        return false;
    const bool ok = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    close(fd);
    return ok;
}

/* ---- seccomp ---- */

/* What the allocator, the C library's abort and the end of a process need; none of these reaches
 * outside. */
static const int ALLOWED[] = {
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
};

static bool allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition) == 0;
}

/* New code cannot be brought in by mapping it or by making data executable. */
static bool allow_without_exec(scmp_filter_ctx filter, int call)
{
    return allow_if(
        filter, call,
        (struct scmp_arg_cmp){.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC});
}

static bool allow_first_argument(scmp_filter_ctx filter, int call, int value)
{
    return allow_if(
        filter, call,
        (struct scmp_arg_cmp){.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)value});
}

static bool enter_seccomp(int fd)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return false;
    // The last one is abort()'s, and reaches the process itself only.
    bool ok = allow_first_argument(filter, SCMP_SYS(read), fd)
              && allow_first_argument(filter, SCMP_SYS(write), fd)
              && allow_first_argument(filter, SCMP_SYS(tgkill), getpid())
              && allow_without_exec(filter, SCMP_SYS(mmap))
              && allow_without_exec(filter, SCMP_SYS(mprotect));
    for (size_t i = 0; ok && i < COUNT(ALLOWED); i++)
        ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0) == 0;
    ok = ok && seccomp_load(filter) == 0;
    // Frees memory only: what it needs is allowed.
    seccomp_release(filter);
    return ok;
}

/* ---- All walls ---- */

int sandbox_enter(int fd, size_t memory)
{
    // Read while files can still be opened.
    const size_t mapped = (size_t)process_mapped_bytes();
    if (mapped == 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    const bool landlock = enter_landlock();
    if (!set_limits(mapped + memory))
        return -1;
    const bool seccomp = enter_seccomp(fd);
    return (seccomp ? SANDBOX_SECCOMP : 0) | (landlock ? SANDBOX_LANDLOCK : 0);
}
