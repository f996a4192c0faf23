/* tests/server/jobs/files/test_reserve.c -- the reserve takes space only where as much is left. */
#include "server/jobs/files/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/server/scratch.h"

enum { MIB = 1 << 20 };

/* What the disk says it has free, and how often space was asked of it. */
static uint64_t disk_free;
static int allocations;

int __real_posix_fallocate(int fd, off_t offset, off_t length);
int __wrap_posix_fallocate(int fd, off_t offset, off_t length);
int __wrap_statvfs(const char *path, struct statvfs *space);

int __wrap_statvfs(const char *path, struct statvfs *space)
{
    (void)path;
    *space = (struct statvfs){.f_frsize = 4096, .f_bavail = disk_free / 4096};
    return 0;
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t length)
{
    allocations++;
    return (uint64_t)(offset + length) > disk_free ? ENOSPC
                                                   : __real_posix_fallocate(fd, offset, length);
}

static int set_up(void **state)
{
    static Scratch scratch;
    scratch = scratch_new();
    *state = &scratch;
    allocations = 0;
    disk_free = 100 * MIB;
    return 0;
}

static int tear_down(void **state)
{
    scratch_free(*state);
    return 0;
}

static int64_t allocated(const Scratch *scratch)
{
    struct stat info;
    return stat(scratch_path(scratch, "reserve"), &info) == 0 ? (int64_t)info.st_blocks * 512 : -1;
}

static void it_is_made_once_and_given_back(void **state)
{
    const Scratch *scratch = *state;
    Error err = {0};
    CHECK_OK(reserve_make(scratch->path, &err), err);
    assert_true(allocated(scratch) >= RESERVE_BYTES);
    // One that is there needs no more space, however full the disk is now.
    disk_free = 0;
    CHECK_OK(reserve_make(scratch->path, &err), err);
    assert_int_equal(allocations, 1);
    reserve_release(scratch->path);
    assert_int_equal(allocated(scratch), -1);
}

/* To try, and to fail, would leave nothing to those who write meanwhile. */
static void a_full_disk_is_asked_and_not_tried(void **state)
{
    const Scratch *scratch = *state;
    Error err = {0};
    const uint64_t sizes[] = {0, RESERVE_BYTES - 4096, 2 * RESERVE_BYTES - 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        disk_free = sizes[i];
        err = (Error){0};
        assert_false(reserve_make(scratch->path, &err));
        assert_int_equal(err.code, ERR_NO_SPACE);
    }
    assert_string_equal(err.message, "15 MiB are free, 16 must be before training goes on");
    assert_int_equal(allocations, 0);
    assert_int_equal(allocated(scratch), -1);
    disk_free = 2 * RESERVE_BYTES;
    CHECK_OK(reserve_make(scratch->path, &err), err);
}

static void a_part_of_one_is_made_whole_or_goes(void **state)
{
    const Scratch *scratch = *state;
    Error err = {0};
    for (int round = 0; round < 2; round++) {
        const int fd = open(scratch_path(scratch, "reserve"), O_WRONLY | O_CREAT, 0640);
        assert_int_equal(ftruncate(fd, round == 0 ? RESERVE_BYTES : RESERVE_BYTES / 2), 0);
        assert_int_equal(close(fd), 0);
        disk_free = round == 0 ? 100 * MIB : 0;
        assert_int_equal(reserve_make(scratch->path, &err), round == 0);
        if (round == 0)
            assert_true(allocated(scratch) >= RESERVE_BYTES);
        else
            assert_int_equal(allocated(scratch), -1);
        reserve_release(scratch->path);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_made_once_and_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_asked_and_not_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_of_one_is_made_whole_or_goes, set_up, tear_down),
    };
    return RUN_TESTS(tests);
}
