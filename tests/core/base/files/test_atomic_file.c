/* tests/core/base/files/test_atomic_file.c -- many writers and readers of one file; writers that
 * die. */
#include "core/base/files/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"

enum { PROCESSES = 8, SAVES = 100, SIZE = 40000 };

typedef struct {
    char folder[64];
    char path[128];
} Fixture;

static int setup(void **state)
{
    Fixture *f = xcalloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/test_atomic_file.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/file", f->folder);
    *state = f;
    return 0;
}

/* The folder's files; removes them if `clean`. */
static int count_files(const Fixture *f, bool clean)
{
    int count = 0;
    DIR *dir = opendir(f->folder);
    for (const struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        count++;
        if (clean)
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    return count;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    count_files(f, true);
    rmdir(f->folder);
    free(f);
    return 0;
}

/* A file is whole if it has SIZE bytes that are all alike. */
static bool is_whole(const char *path)
{
    static char bytes[SIZE + 1];
    const int fd = open(path, O_RDONLY);
    size_t size = 0;
    ssize_t got;
    while (fd >= 0 && (got = read(fd, bytes + size, sizeof bytes - size)) > 0)
        size += (size_t)got;
    close(fd);
    bool whole = size == SIZE;
    for (size_t i = 1; whole && i < SIZE; i++)
        whole = bytes[i] == bytes[0];
    return whole;
}

/* In a process of its own: 0 if every save succeeded. */
static int write_often(const char *path, int who)
{
    char bytes[SIZE];
    int failed = 0;
    for (int i = 0; i < SAVES; i++) {
        Error err = {0};
        memset(bytes, 'a' + (who + i) % 26, sizeof bytes);
        if (!atomic_file_save(path, bytes, sizeof bytes, &err)) {
            fprintf(stderr, "%s\n", err.message);
            failed = 1;
        }
    }
    return failed;
}

static void writers_at_once_never_fail_and_readers_see_whole_files(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    char bytes[SIZE];
    memset(bytes, 'z', sizeof bytes);
    CHECK_OK(atomic_file_save(f->path, bytes, sizeof bytes, &err), err);
    pid_t writers[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        if ((writers[i] = fork()) == 0)
            _exit(write_often(f->path, i));
    }
    int torn = 0, reads = 0, failed = 0;
    for (int running = PROCESSES; running > 0; reads++) {
        int status;
        torn += !is_whole(f->path);
        if (waitpid(-1, &status, WNOHANG) > 0) {
            running--;
            failed += status != 0;
        }
    }
    assert_int_equal(failed, 0);
    assert_int_equal(torn, 0);
    assert_true(reads > PROCESSES);
    assert_int_equal(count_files(f, true), 1);
}

static void two_open_files_of_one_path_do_not_meet(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    AtomicFile *first = NULL, *second = NULL;
    CHECK_OK(atomic_file_open(f->path, &first, &err), err);
    CHECK_OK(atomic_file_open(f->path, &second, &err), err);
    CHECK_OK(atomic_file_write(first, "first", 5, &err), err);
    CHECK_OK(atomic_file_write(second, "second", 6, &err), err);
    CHECK_OK(atomic_file_commit(second, &err), err);
    CHECK_OK(atomic_file_commit(first, &err), err);
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_size, 5);
    assert_int_equal(count_files(f, true), 1);
}

static void what_a_dead_writer_left_is_removed(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    const pid_t writer = fork();
    if (writer == 0) {
        AtomicFile *file = NULL;
        if (atomic_file_open(f->path, &file, &err) && atomic_file_write(file, "half", 4, &err))
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(count_files(f, false), 1);
    // Any file of the folder may come next; a name that only looks alike is nobody's temporary.
    char other[160], alike[160];
    snprintf(other, sizeof other, "%s/other", f->folder);
    snprintf(alike, sizeof alike, "%s/notes.tmp-0123456789xy", f->folder);
    close(open(alike, O_CREAT | O_WRONLY, 0644));
    CHECK_OK(atomic_file_save(other, "whole", 5, &err), err);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(access(alike, F_OK), 0);
    assert_int_equal(count_files(f, true), 2);
}

static void a_writer_at_work_keeps_its_temporary(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    AtomicFile *slow = NULL;
    CHECK_OK(atomic_file_open(f->path, &slow, &err), err);
    CHECK_OK(atomic_file_write(slow, "slow", 4, &err), err);
    const pid_t other = fork();
    if (other == 0)
        _exit(write_often(f->path, 0));
    int status;
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
    CHECK_OK(atomic_file_commit(slow, &err), err);
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_size, 4);
    assert_int_equal(count_files(f, true), 1);
}

static void a_failed_commit_leaves_no_temporary(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    AtomicFile *file = NULL;
    CHECK_OK(atomic_file_open(f->path, &file, &err), err);
    assert_int_equal(mkdir(f->path, 0755), 0);
    assert_false(atomic_file_commit(file, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "cannot rename"));
    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(count_files(f, true), 0);
}

static void what_is_no_file_is_not_replaced(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    struct stat is;
    char link[160];
    snprintf(link, sizeof link, "%s/link", f->folder);
    assert_int_equal(mkfifo(f->path, 0644), 0);
    assert_int_equal(symlink("file", link), 0);
    const char *const paths[] = {f->path, link, f->folder};
    for (size_t i = 0; i < COUNT(paths); i++) {
        assert_false(atomic_file_save(paths[i], "x", 1, &err));
        assert_int_equal(err.code, ERR_IO);
        assert_non_null(strstr(err.message, i < 2 ? "it is no regular file" : "it is a folder"));
    }
    assert_int_equal(lstat(f->path, &is), 0);
    assert_true(S_ISFIFO(is.st_mode));
    assert_int_equal(lstat(link, &is), 0);
    assert_true(S_ISLNK(is.st_mode));
    assert_int_equal(count_files(f, true), 2);
}

static void a_link_stays_and_its_file_is_replaced(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    struct stat is;
    char link[160];
    snprintf(link, sizeof link, "%s/link", f->folder);
    CHECK_OK(atomic_file_save(f->path, "old", 3, &err), err);
    assert_int_equal(symlink("file", link), 0);
    CHECK_OK(atomic_file_save(link, "newer", 5, &err), err);
    assert_int_equal(lstat(link, &is), 0);
    assert_true(S_ISLNK(is.st_mode));
    assert_int_equal(lstat(f->path, &is), 0);
    assert_int_equal(is.st_size, 5);
    // A link to nothing becomes the file.
    assert_int_equal(unlink(f->path), 0);
    CHECK_OK(atomic_file_save(link, "third", 5, &err), err);
    assert_int_equal(lstat(link, &is), 0);
    assert_true(S_ISREG(is.st_mode));
    assert_int_equal(count_files(f, true), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_at_once_never_fail_and_readers_see_whole_files),
        cmocka_unit_test(two_open_files_of_one_path_do_not_meet),
        cmocka_unit_test(what_a_dead_writer_left_is_removed),
        cmocka_unit_test(a_writer_at_work_keeps_its_temporary),
        cmocka_unit_test(a_failed_commit_leaves_no_temporary),
        cmocka_unit_test(what_is_no_file_is_not_replaced),
        cmocka_unit_test(a_link_stays_and_its_file_is_replaced),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
