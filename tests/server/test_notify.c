/* tests/server/test_notify.c -- what a service manager hears over its socket. */
#include "server/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/server/scratch.h"

/* A socket as systemd makes it; `length` tells names that begin with a NUL. */
static int listen_at(const char *path, size_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(length < sizeof address.sun_path);
    memcpy(address.sun_path, path, length);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    return fd;
}

static void check_heard(int fd, const char *want)
{
    char got[256] = "";
    const ssize_t length = recv(fd, got, sizeof got - 1, 0);
    assert_int_equal(length, (ssize_t)strlen(want));
    assert_string_equal(got, want);
}

static void each_message_arrives_whole(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    const char *path = scratch_path(&scratch, "notify");
    const int fd = listen_at(path, strlen(path));
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    static const char *const STATES[] = {"READY=1", "STOPPING=1\nSTATUS=bye", "WATCHDOG=1"};
    for (size_t i = 0; i < COUNT(STATES); i++) {
        notify(STATES[i]);
        check_heard(fd, STATES[i]);
    }
    close(fd);
    scratch_free(&scratch);
}

static void an_abstract_name_is_written_with_an_at(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@googlenetd-test-%d", (int)getpid());
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    const size_t length = strlen(name);
    name[0] = '\0';
    const int fd = listen_at(name, length);
    notify("READY=1");
    check_heard(fd, "READY=1");
    close(fd);
}

/* No manager, one that has gone, and a name that cannot be one: nothing happens. */
static void nobody_listens(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify("READY=1");
    char name[300];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    const char *const names[] = {"", "/nowhere/at/all", name};
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify("READY=1");
    }
}

static void the_watchdog_is_for_the_process_it_names(void **state)
{
    (void)state;
    char pid[32];
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    CHECK_NEAR(notify_watchdog_seconds(), 0, 0);
    setenv("WATCHDOG_USEC", "1500000", 1);
    CHECK_NEAR(notify_watchdog_seconds(), 1.5, 1e-12);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    CHECK_NEAR(notify_watchdog_seconds(), 1.5, 1e-12);
    setenv("WATCHDOG_PID", "1", 1);
    CHECK_NEAR(notify_watchdog_seconds(), 0, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_arrives_whole),
        cmocka_unit_test(an_abstract_name_is_written_with_an_at),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(the_watchdog_is_for_the_process_it_names),
    };
    return RUN_TESTS(tests);
}
