/* tests/server/data/import/test_staging.c -- staged pictures are there until they are dropped. */
#include "server/data/import/staging.h"

#include <dirent.h>

#include "tests/check.h"
#include "tests/server/scratch.h"

enum { BYTES = 1 << 20, COUNT_OF = 300, IN_MEMORY = 64 * BYTES };

static void fill(uint8_t *pixels, size_t i)
{
    for (size_t k = 0; k < BYTES; k++)
        pixels[k] = (uint8_t)(i * 31 + k * 7 + (k >> 8));
}

/* Space is given back in large pieces while later pictures are still read. Few are written, far
 * apart: the others are holes. */
static void what_is_not_dropped_is_read(void **state)
{
    (void)state;
    static const size_t WRITTEN[] = {299, 0, 63, 64, 65, 127, 128, 129, 200, 130};
    static uint8_t want[BYTES], got[BYTES];
    Scratch scratch = scratch_new();
    Error err = {0};
    Staging *s;
    CHECK_OK(staging_new(scratch.path, BYTES, COUNT_OF, IN_MEMORY, &s, &err), err);
    for (size_t i = 0; i < COUNT(WRITTEN); i++) {
        fill(want, WRITTEN[i]);
        CHECK_OK(staging_write(s, WRITTEN[i], want, &err), err);
    }
    for (size_t i = 0; i < COUNT_OF; i++) {
        bool written = false;
        for (size_t k = 0; k < COUNT(WRITTEN); k++)
            written = written || WRITTEN[k] == i;
        if (written) {
            fill(want, i);
            CHECK_OK(staging_read(s, i, got, &err), err);
            assert_memory_equal(got, want, BYTES);
        }
        staging_drop(s, i + 1);
    }
    staging_free(s);
    scratch_free(&scratch);
}

static void the_file_has_no_name(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    Error err = {0};
    Staging *s;
    int entries = 0;
    CHECK_OK(staging_new(scratch.path, BYTES, COUNT_OF, IN_MEMORY, &s, &err), err);
    DIR *dir = opendir(scratch.path);
    while (readdir(dir))
        entries++;
    closedir(dir);
    assert_int_equal(entries, 2);  // "." and ".."
    staging_free(s);
    staging_free(NULL);
    assert_false(staging_new("/nowhere/at/all", BYTES, 1, IN_MEMORY, &s, &err));
    scratch_free(&scratch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_dropped_is_read),
        cmocka_unit_test(the_file_has_no_name),
    };
    return RUN_TESTS(tests);
}
