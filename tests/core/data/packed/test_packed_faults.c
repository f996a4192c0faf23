/* tests/core/data/packed/test_packed_faults.c -- packing with the n-th call to the system failing,
 * for every n: nothing is left, or all of it is there.
 *
 * The linker sends the core's calls through the __wrap_ functions below (--wrap). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/core/data/packed/packed_fixture.h"

#include "tests/check.h"

typedef enum { OPENAT, MKDIRAT, WRITE, FSYNC, RENAMEAT, CALLS } Call;

static struct {
    bool on;
    Call call;     // that fails, at its n-th time
    int n, error;  // errno then; 0: a write that is cut short
    int seen;      // calls of that kind
    bool hit;
    char order[64];  // a letter for each call that is not a write
} faults;

static bool fails(Call call)
{
    static const char LETTERS[CALLS] = {'o', 'm', 'w', 's', 'r'};
    const size_t length = strlen(faults.order);
    if (!faults.on)
        return false;
    if (call != WRITE && length + 1 < sizeof faults.order)
        faults.order[length] = LETTERS[call];
    if (call != faults.call || ++faults.seen != faults.n)
        return false;
    faults.hit = true;
    errno = faults.error;
    return true;
}

int __real_openat(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, mode_t mode)
{
    return fails(OPENAT) ? -1 : __real_openat(folder, path, flags, mode);
}

int __real_mkdirat(int folder, const char *path, mode_t mode);
int __wrap_mkdirat(int folder, const char *path, mode_t mode);
int __wrap_mkdirat(int folder, const char *path, mode_t mode)
{
    return fails(MKDIRAT) ? -1 : __real_mkdirat(folder, path, mode);
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (!fails(WRITE))
        return __real_write(fd, bytes, size);
    return faults.error ? -1 : __real_write(fd, bytes, (size + 1) / 2);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails(FSYNC) ? -1 : __real_fsync(fd);
}

int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return fails(RENAMEAT) ? -1 : __real_renameat(from_folder, from, to_folder, to);
}

static bool make_with_a_fault(const PackedPlace *place, Call call, int n, int error, Error *err)
{
    memset(&faults, 0, sizeof faults);
    faults.on = true;
    faults.call = call;
    faults.n = n;
    faults.error = error;
    const bool ok = packed_make(place->folder, 20000, 10001, NULL, err);
    faults.on = false;
    return ok;
}

/* More than a megabyte of pixels, so that writing fails while pictures are added, too. */
static void a_fault_leaves_nothing(void **state)
{
    (void)state;
    static const int MOST[CALLS] = {
        [OPENAT] = 7, [MKDIRAT] = 1, [WRITE] = 8, [FSYNC] = 7, [RENAMEAT] = 1};
    for (Call call = 0; call < CALLS; call++) {
        int n = 1;
        for (;; n++) {
            const PackedPlace place = packed_place();
            Error err = {0};
            const bool ok = make_with_a_fault(&place, call, n, ENOSPC, &err);
            assert_int_equal(packed_place_entries(&place), ok);
            if (!ok) {
                assert_true(faults.hit);
                assert_int_equal(err.code, ERR_NO_SPACE);
                assert_non_null(strstr(err.message, place.folder));
                Error again = {0};
                CHECK_OK(packed_make(place.folder, 3, 3, NULL, &again), again);
            } else
                CHECK_OK(packed_verify(place.folder, NULL, NULL, &err), err);
            packed_place_remove(&place);
            if (!faults.hit)
                break;
        }
        print_message("%d calls of kind %d\n", n - 1, call);
        assert_true(n > MOST[call]);
    }
}

static void a_write_that_is_cut_short_goes_on(void **state)
{
    (void)state;
    for (int n = 1; n <= 8; n++) {
        const PackedPlace place = packed_place();
        Error err = {0};
        CHECK_OK(make_with_a_fault(&place, WRITE, n, 0, &err), err);
        assert_true(faults.hit);
        CHECK_OK(packed_verify(place.folder, NULL, NULL, &err), err);
        packed_place_remove(&place);
    }
}

/* Everything is forced to disk, the folder last, before the set gets its name, then the name. */
static void the_name_comes_last(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    CHECK_OK(make_with_a_fault(&place, CALLS, 0, 0, &err), err);
    const char *from = strstr(faults.order, "s");
    assert_non_null(from);
    assert_string_equal(from, "ssssossrs");
    packed_place_remove(&place);
}

static void after_a_failure_nothing_more_is_written(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    PackedWriter *w;
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &w, &err), err);
    memset(&faults, 0, sizeof faults);
    faults.on = true;
    faults.call = WRITE;
    faults.n = 1;
    faults.error = EIO;
    assert_false(packed_add_pictures(w, PACKED_TRAIN, 0, 20000, &err));
    faults.on = false;
    assert_int_equal(err.code, ERR_IO);
    char *message = xasprintf("cannot write %s: an earlier write failed", place.folder);
    const uint8_t pixels[PACKED_BYTES] = {0};
    CHECK_REFUSED(packed_add(w, PACKED_TRAIN, 0, pixels, &err), err, ERR_IO, message);
    CHECK_REFUSED(packed_finish(w, NULL, &err), err, ERR_IO, message);
    assert_int_equal(packed_place_entries(&place), 0);
    free(message);
    packed_place_remove(&place);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_leaves_nothing),
        cmocka_unit_test(a_write_that_is_cut_short_goes_on),
        cmocka_unit_test(the_name_comes_last),
        cmocka_unit_test(after_a_failure_nothing_more_is_written),
    };
    return RUN_TESTS(tests);
}
