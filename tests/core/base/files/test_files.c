/* tests/core/base/files/test_files.c -- whole files and locks. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/files/file_read.h"
#include "core/base/files/lock.h"
#include "tests/check.h"

static void path_of(char *path, const char *name)
{
    snprintf(path, 128, "/tmp/test_files.%d.%s", (int)getpid(), name);
}

static void a_file_is_read_whole_or_refused(void **state)
{
    (void)state;
    char path[128], want[256];
    uint8_t *bytes = NULL;
    size_t size = 0;
    Error err = {0};
    path_of(path, "whole");
    const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    assert_int_equal(write(fd, "ab\0cd", 5), 5);
    close(fd);
    CHECK_OK(file_read(path, 5, &bytes, &size, &err), err);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "ab\0cd", 6);  // and a NUL
    free(bytes);
    bytes = NULL;
    snprintf(want, sizeof want, "%s has 5 bytes, at most 4 are accepted", path);
    CHECK_REFUSED(file_read(path, 4, &bytes, &size, &err), err, ERR_INVALID, want);
    assert_null(bytes);
    unlink(path);
    assert_false(file_read(path, 4, &bytes, &size, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    (void)state;
    char path[128], want[256];
    uint8_t *bytes = NULL;
    size_t size = 0;
    Error err = {0};
    path_of(path, "pipe");
    assert_int_equal(mkfifo(path, 0644), 0);
    snprintf(want, sizeof want, "%s is not a file", path);
    CHECK_REFUSED(file_read(path, 10, &bytes, &size, &err), err, ERR_INVALID, want);
    unlink(path);
    CHECK_REFUSED(file_read("/tmp", 10, &bytes, &size, &err), err, ERR_INVALID,
                  "/tmp is not a file");
}

/* In another process: what lock_take answers. */
static ErrorCode lock_elsewhere(const char *path)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        Error err = {0};
        _exit(lock_take(path, 0, &err) >= 0 ? ERR_NONE : (int)err.code);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return (ErrorCode)WEXITSTATUS(status);
}

static void one_process_holds_a_lock(void **state)
{
    (void)state;
    Error err = {0};
    char file[128], folder[128];
    path_of(file, "lock");
    path_of(folder, "folder");
    assert_int_equal(mkdir(folder, 0755), 0);
    const char *const paths[] = {file, folder};
    for (size_t i = 0; i < COUNT(paths); i++) {
        const int lock = lock_take(paths[i], 0, &err);
        if (lock < 0)
            fail_msg("%s", err.message);
        assert_int_equal(lock_elsewhere(paths[i]), ERR_CONFLICT);
        // A second descriptor of the same process is a stranger, too, and waits in vain.
        assert_int_equal(lock_take(paths[i], 50, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        close(lock);
        assert_int_equal(lock_elsewhere(paths[i]), ERR_NONE);
        const int again = lock_take(paths[i], 0, &err);
        assert_true(again >= 0);
        close(again);
    }
    unlink(file);
    rmdir(folder);
    assert_int_equal(lock_take("/nowhere/lock", 0, &err), -1);
    assert_int_equal(err.code, ERR_IO);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole_or_refused),
        cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
        cmocka_unit_test(one_process_holds_a_lock),
    };
    return RUN_TESTS(tests);
}
