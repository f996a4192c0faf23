/* tests/server/base/test_spawn.c -- how a program that was started ended, in words. */
#include "server/base/spawn.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"

/* The wait status of a process that does this. */
static int status_of(int signal, int code)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        if (signal)
            raise(signal);
        _exit(code);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_status_is_put_into_words(void **state)
{
    (void)state;
    static const struct {
        int signal, code;
        const char *text;
    } CASES[] = {
        {0, 0, "exit code 0"},
        {0, 1, "exit code 1"},
        {0, 128, "exit code 128"},
        {0, 255, "exit code 255"},
        {SIGKILL, 0, "signal 9, Killed"},
        {SIGUSR1, 0, "signal 10, User defined signal 1"},
        // As a shell, and our guard of ranks, say it.
        {0, 128 + SIGKILL, "signal 9, Killed"},
        {0, 128 + 65, "exit code 193"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char text[96], cut[8];
        const int status = status_of(CASES[i].signal, CASES[i].code);
        assert_int_equal(spawn_status_text(status, text, sizeof text), strlen(CASES[i].text));
        assert_string_equal(text, CASES[i].text);
        assert_int_equal(spawn_status_text(status, cut, sizeof cut), strlen(CASES[i].text));
        assert_memory_equal(cut, text, sizeof cut - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_status_is_put_into_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
