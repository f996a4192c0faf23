/* tests/server/base/test_folders.c -- folders that the program needs for itself. */
#include "server/base/files.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/server/scratch.h"

/* What somebody without root's rights is told of the folder "own", whose rights these are. */
static bool makes_own(const Scratch *scratch, mode_t mode, Error *err)
{
    const Path own = path_in(scratch->path, "own");
    const bool is_root = geteuid() == 0;
    *err = (Error){0};
    assert_int_equal(chmod(own.text, mode), 0);
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    const bool ok = folder_make_own(own.text, err);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    return ok;
}

static void a_folder_of_our_own_is_to_be_used(void **state)
{
    (void)state;
    Error err = {0};
    Scratch scratch = scratch_new();
    const Path own = path_in(scratch.path, "own");
    CHECK_OK(folder_make_own(own.text, &err), err);
    assert_int_equal(chmod(scratch.path, 0755), 0);
    assert_true(makes_own(&scratch, 0777, &err));
    static const mode_t CLOSED[] = {0, 0111, 0333, 0555, 0666};
    for (size_t i = 0; i < COUNT(CLOSED); i++) {
        char want[PATH_MAX + 80];
        snprintf(want, sizeof want,
                 "the folder %s must be ours to read and write: Permission denied", own.text);
        CHECK_REFUSED(makes_own(&scratch, CLOSED[i], &err), err, ERR_IO, want);
    }
    assert_int_equal(chmod(own.text, 0755), 0);
    scratch_free(&scratch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_our_own_is_to_be_used),
    };
    return RUN_TESTS(tests);
}
