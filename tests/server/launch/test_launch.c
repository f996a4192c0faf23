/* tests/server/launch/test_launch.c -- launchers that are shell scripts, and what is left of them.
 * This program is its own guard, as the daemon is. */
#include "server/launch/launch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/lock.h"
#include "server/launch/commands.h"
#include "server/launch/guard.h"
#include "tests/check.h"
#include "tests/server/scratch.h"

/* `script` is what a shell does; $1 is the number of ranks, "$2" "$3" the program. */
static Launch *start_with(const char *script, int lock)
{
    Error err = {0};
    Launch *launch = NULL;
    char *launcher = xasprintf("sh -c '%s' sh {ranks} {program}", script);
    const LaunchConfig config = {.launcher = launcher, .ranks = 3, .lock = lock};
    CHECK_OK(launch_start(&config, &launch, &err), err);
    free(launcher);
    return launch;
}

static Launch *start(const char *script)
{
    return start_with(script, -1);
}

static LaunchNews wait_for(Launch *launch, const char **line)
{
    LaunchNews news;
    while ((news = launch_wait(launch, 1000, line)) == LAUNCH_NOTHING)
        continue;
    return news;
}

static void expect_line(Launch *launch, const char *expected)
{
    const char *line;
    assert_int_equal(wait_for(launch, &line), LAUNCH_LINE);
    assert_string_equal(line, expected);
}

static void lines_go_both_ways(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT];
    const char *line;
    Launch *l = start("echo $1 $3; while read -r a; do echo got ${#a}; done; printf unfinished");
    expect_line(l, "3 " RANK_COMMAND);
    launch_send(l, "abc");
    expect_line(l, "got 3");
    // More than a pipe holds, while nothing is read.
    enum { LONG = 3 << 20 };
    char *text = xcalloc(LONG + 1, 1);
    memset(text, 'x', LONG);
    launch_send(l, text);
    launch_send(l, "");
    free(text);
    expect_line(l, "got 3145728");
    expect_line(l, "got 0");
    assert_int_equal(launch_wait(l, 10, &line), LAUNCH_NOTHING);
    launch_end(l, 20000, how);
    assert_string_equal(how, "exit code 0");
}

static void the_last_words_are_told(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT];
    const char *line;
    Launch *l = start("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo line "
                      "$i >&2; echo ----- >&2; done; echo out; exit 9");
    for (int i = 0; i < 40; i++)
        assert_int_equal(wait_for(l, &line), LAUNCH_WORDS);
    expect_line(l, "out");
    launch_remember(l, "out");
    assert_int_equal(wait_for(l, &line), LAUNCH_CLOSED);
    launch_end(l, 20000, how);
    assert_string_equal(
        how, "exit code 9, after it said: line 6; line 7; line 8; line 9; line 10; line 11; line "
             "12; line 13; line 14; line 15; line 16; line 17; line 18; line 19; line 20; out");

    l = start("kill -9 $$");
    assert_int_equal(wait_for(l, &line), LAUNCH_CLOSED);
    launch_end(l, 20000, how);
    assert_string_equal(how, "signal 9, Killed");

    // Open MPI 5 puts NULs between what it says and what others say.
    l = start("printf \"\\\\0googlenetd: why\\\\n\\\\0\" >&2; printf \"ab\\\\0out\\\\n\"; exit 2");
    assert_int_equal(wait_for(l, &line), LAUNCH_WORDS);
    assert_string_equal(line, "googlenetd: why");
    expect_line(l, "about");
    launch_end(l, 20000, how);
    assert_string_equal(how, "exit code 2, after it said: googlenetd: why");

    // What the program says counts more than what comes after it.
    l = start("echo googlenetd: rank 1: why >&2; for i in 1 2 3 4 5 6 7 8 9; do echo 0123456789 "
              "0123456789 "
              "0123456789 0123456789 0123456789 >&2; done; exit 2");
    while (wait_for(l, &line) == LAUNCH_WORDS)
        continue;
    launch_end(l, 20000, how);
    assert_non_null(
        strstr(how, "exit code 2, after it said: googlenetd: rank 1: why; 0123456789 0"));
    assert_true(strlen(how) > LAUNCH_TEXT - 80);

    // Said at the very end, and longer than there is room for.
    l = start("exec 1>&-; i=0; while [ $i -lt 60 ]; do printf 0123456789 >&2; i=$((i+1)); done; "
              "echo >&2; echo last >&2; exit 1");
    while (wait_for(l, &line) == LAUNCH_WORDS)
        continue;
    launch_end(l, 20000, how);
    assert_non_null(strstr(how, "exit code 1, after it said: 0123456789"));
    assert_string_equal(how + strlen(how) - 6, "; last");
    assert_true(strlen(how) < LAUNCH_TEXT);
}

/* The process whose number the next line is. */
static pid_t read_pid(Launch *l)
{
    const char *line;
    assert_int_equal(wait_for(l, &line), LAUNCH_LINE);
    return (pid_t)atoi(line);
}

static void check_gone(pid_t pid)
{
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void orphans_are_killed(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT];
    const char *line;
    // One in a session of its own, whose parent has ended; the launcher ends by itself.
    Launch *l = start("setsid sh -c \"sleep 1000 >/dev/null 2>&1 & echo \\$!\"; exit 4");
    const pid_t orphan = read_pid(l);
    assert_int_equal(wait_for(l, &line), LAUNCH_CLOSED);
    launch_end(l, 20000, how);
    assert_string_equal(how, "exit code 4");
    check_gone(orphan);
}

static void one_that_does_not_listen_is_killed(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT];
    Launch *l = start("trap \"\" TERM; echo $$; sleep 1000 & echo $!; wait; wait");
    const pid_t shell = read_pid(l), child = read_pid(l);
    launch_end(l, 0, how);
    assert_string_equal(how, "signal 9, Killed");
    check_gone(shell);
    check_gone(child);
}

static void stopped_ones_are_killed(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT];
    Launch *l = start("sleep 1000 & echo $!; kill -STOP $!; echo $$; kill -STOP $$");
    const pid_t child = read_pid(l), shell = read_pid(l);
    launch_end(l, 0, how);
    check_gone(shell);
    check_gone(child);
}

static void what_cannot_be_started_is_told(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT];
    const char *line;
    Error err = {0};
    Launch *l;
    const LaunchConfig config = {.launcher = "no-such-command {program}", .ranks = 2, .lock = -1};
    CHECK_OK(launch_start(&config, &l, &err), err);
    launch_send(l, "into the void");
    while (wait_for(l, &line) == LAUNCH_WORDS)
        continue;
    launch_end(l, 20000, how);
    assert_string_equal(how,
                        "exit code 127, after it said: googlenetd: cannot start no-such-command: "
                        "No such file or directory");
}

static void tokens_stay_here(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT];
    setenv("GOOGLENETD_TOKEN", "secret", 1);
    setenv("OTHER", "told", 1);
    Launch *l = start("echo \"[$GOOGLENETD_TOKEN$OTHER]\"");
    expect_line(l, "[told]");
    launch_end(l, 20000, how);
}

/* As where the program runs under a loader of its own, which /proc/self/exe is then. */
static void a_script_that_starts_the_program_stands_for_it(void **state)
{
    (void)state;
    char how[LAUNCH_TEXT], self[PATH_MAX] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    Scratch scratch = scratch_new();
    char *path = xstrdup(scratch_path(&scratch, "program"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\nBY=script exec '%s' \"$@\"\n", self) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
    setenv("GOOGLENETD_PROGRAM", path, 1);
    Launch *l = start("echo $2; echo guard by $BY");
    unsetenv("GOOGLENETD_PROGRAM");
    expect_line(l, path);
    expect_line(l, "guard by script");
    launch_end(l, 20000, how);
    free(path);
    scratch_free(&scratch);
}

static void the_lock_is_held_until_all_have_ended(void **state)
{
    (void)state;
    Error err = {0};
    char how[LAUNCH_TEXT];
    Scratch scratch = scratch_new();
    int lock = lock_take(scratch.path, 0, &err);
    assert_true(lock >= 0);
    Launch *l = start_with("echo ready; read -r a", lock);
    close(lock);
    expect_line(l, "ready");
    assert_int_equal(lock_take(scratch.path, 0, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    launch_end(l, 20000, how);
    lock = lock_take(scratch.path, 0, &err);
    assert_true(lock >= 0);
    close(lock);
    scratch_free(&scratch);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], GUARD_COMMAND) == 0)
        return guard_run(argv + 2);
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_go_both_ways),
        cmocka_unit_test(the_last_words_are_told),
        cmocka_unit_test(orphans_are_killed),
        cmocka_unit_test(one_that_does_not_listen_is_killed),
        cmocka_unit_test(stopped_ones_are_killed),
        cmocka_unit_test(what_cannot_be_started_is_told),
        cmocka_unit_test(tokens_stay_here),
        cmocka_unit_test(a_script_that_starts_the_program_stands_for_it),
        cmocka_unit_test(the_lock_is_held_until_all_have_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
