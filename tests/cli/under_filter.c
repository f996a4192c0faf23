/* tests/cli/under_filter.c -- under_filter NAMES PROGRAM [ARGUMENT]...: the program, for which
 * every system call that the file NAMES does not name fails with EPERM, as under a service
 * manager's filter. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int allow_named(scmp_filter_ctx filter, FILE *names)
{
    char name[100];
    while (fgets(name, sizeof name, names)) {
        name[strcspn(name, "\n")] = '\0';
        // Some are of other machines.
        const int call = seccomp_syscall_resolve_name(name);
        if (call != __NR_SCMP_ERROR && seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) != 0)
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    FILE *names = argc > 2 ? fopen(argv[1], "r") : NULL;
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!names || !filter || allow_named(filter, names) != 0 || fclose(names) != 0
        || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || seccomp_load(filter) != 0) {
        fputs("under_filter: no filter\n", stderr);
        return 125;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 126;
}
