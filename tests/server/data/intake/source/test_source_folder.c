/* tests/server/data/intake/source/test_source_folder.c -- folders as sources. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/data/intake/source/source.h"
#include "tests/server/data/intake/source/archives.h"

#include "tests/check.h"

#include "tests/server/data/intake/listed.h"
#include "tests/server/data/intake/scratch_case.h"

static int setup(void **state)
{
    scratch_setup(state);
    mkdir(scratch_path(&scratch, "set"), 0755);
    return 0;
}

static Source *open_set(const IntakeLimits *limits)
{
    Error err = {0};
    Source *source = NULL;
    CHECK_OK(source_open(scratch_path(&scratch, "set"), &(SourceOptions){.limits = limits}, &source,
                         &err),
             err);
    assert_string_equal(source_kind(source), "folder");
    return source;
}

static void files_come_sorted_by_path(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"dogs/2.jpg", "cats/b/1.jpg", "top.csv", "dogs/10.jpg",
                                        "cats/b.jpg"};
    for (size_t i = 0; i < COUNT(NAMES); i++)
        text_make(scratch_path(&scratch, "set"), NAMES[i], NAMES[i]);
    mkdir(scratch_path(&scratch, "set/empty"), 0755);
    Source *s = open_set(NULL);
    assert_string_equal(listed(s), "cats/b.jpg 10\ncats/b/1.jpg 12\ndogs/10.jpg 11\ndogs/2.jpg 10\n"
                                   "top.csv 7\ncats/\ncats/b/\ndogs/\nempty/\n");
    assert_string_equal(passed(s, NULL),
                        "cats/b.jpg=cats/b.jpg;cats/b/1.jpg=cats/b/1.jpg;dogs/10.jpg=dogs/10.jpg;"
                        "dogs/2.jpg=dogs/2.jpg;top.csv=top.csv;end");
    assert_string_equal(passed(s, (bool[]){false, true, false, true, false}),
                        "cats/b/1.jpg=cats/b/1.jpg;dogs/2.jpg=dogs/2.jpg;end");
    source_free(s);
}

static void links_pipes_and_sockets_are_left_out(void **state)
{
    (void)state;
    text_make(scratch.path, "outside/secret.jpg", "secret");
    text_make(scratch.path, "set/cats/1.jpg", "one");
    assert_int_equal(symlink("../outside", scratch_path(&scratch, "set/out")), 0);
    assert_int_equal(symlink("1.jpg", scratch_path(&scratch, "set/cats/soft.jpg")), 0);
    assert_int_equal(symlink("..", scratch_path(&scratch, "set/cats/loop")), 0);
    assert_int_equal(mkfifo(scratch_path(&scratch, "set/cats/pipe.jpg"), 0644), 0);
    assert_int_equal(mknod(scratch_path(&scratch, "set/socket"), S_IFSOCK | 0644, 0), 0);
    Source *s = open_set(NULL);
    assert_string_equal(listed(s), "cats/1.jpg 3\ncats/\ncats/loop: link\n"
                                   "cats/pipe.jpg: special_file\ncats/soft.jpg: link\nout: link\n"
                                   "socket: special_file\n");
    source_free(s);
    // The folder that is named may be a link.
    assert_int_equal(symlink("set", scratch_path(&scratch, "alias")), 0);
    Error err = {0};
    CHECK_OK(source_open(scratch_path(&scratch, "alias"), &(SourceOptions){0}, &s, &err), err);
    assert_string_equal(passed(s, NULL), "cats/1.jpg=one;end");
    source_free(s);
}

static void check_link_refused(const char *path)
{
    Error err = {0};
    Source *s = NULL;
    const SourceOptions plain = {.label = "it", .no_links = true};
    CHECK_OK(source_open(path, &(SourceOptions){.label = "it"}, &s, &err), err);
    source_free(s);
    assert_false(source_open(path, &plain, &s, &err));
    assert_memory_equal(err.message, "cannot open it: ", 16);
}

static void a_link_in_a_path_that_was_resolved_is_refused(void **state)
{
    (void)state;
    char real[PATH_MAX];
    Error err = {0};
    Source *s = NULL;
    const SourceOptions plain = {.no_links = true};
    text_make(scratch.path, "set/cats/1.jpg", "one");
    archive_make(scratch_path(&scratch, "set/a.tar"), "tar",
                 (Piece[]){{"cats/2.jpg", "two", PIECE_FILE}}, 1);
    assert_int_equal(symlink("set", scratch_path(&scratch, "link")), 0);
    assert_int_equal(symlink("a.tar", scratch_path(&scratch, "set/link.tar")), 0);
    assert_non_null(realpath(scratch_path(&scratch, "set"), real));
    CHECK_OK(source_open(real, &plain, &s, &err), err);
    assert_string_equal(passed(s, (bool[]){false, true, false}), "cats/1.jpg=one;end");
    source_free(s);
    assert_non_null(realpath(scratch_path(&scratch, "set/link.tar"), real));
    CHECK_OK(source_open(real, &plain, &s, &err), err);
    assert_string_equal(passed(s, NULL), "cats/2.jpg=two;end");
    source_free(s);
    check_link_refused(scratch_path(&scratch, "link"));
    check_link_refused(scratch_path(&scratch, "link/cats"));
    check_link_refused(scratch_path(&scratch, "link/a.tar"));
    check_link_refused(scratch_path(&scratch, "set/link.tar"));
}

static void what_systems_keep_is_left_out(void **state)
{
    (void)state;
    text_make(scratch.path, "set/.git/objects/1.jpg", "x");
    text_make(scratch.path, "set/__MACOSX/1.jpg", "x");
    text_make(scratch.path, "set/cats/.hidden.jpg", "x");
    text_make(scratch.path, "set/cats/thumbs.DB", "x");
    text_make(scratch.path, "set/cats/1.jpg", "one");
    Source *s = open_set(NULL);
    assert_string_equal(listed(s), "cats/1.jpg 3\ncats/\n.git: system_file\n__MACOSX: system_file\n"
                                   "cats/.hidden.jpg: system_file\ncats/thumbs.DB: system_file\n");
    source_free(s);
}

static void names_become_text_and_files_are_found_by_their_own(void **state)
{
    (void)state;
    text_make(scratch.path, "set/caf\xe9/1.jpg", "latin1");
    text_make(scratch.path, "set/caf\xc3\xa9/2.jpg", "utf8");
    text_make(scratch.path, "set/new\nline.jpg", "control");
    text_make(scratch.path, "set/back\\slash.jpg", "own");
    Source *s = open_set(NULL);
    assert_string_equal(listed(s),
                        "back\\x5cslash.jpg 3\ncaf\xc3\xa9/1.jpg 6\ncaf\xc3\xa9/2.jpg 4\n"
                        "new\\x0aline.jpg 7\ncaf\xc3\xa9/\n");
    assert_string_equal(passed(s, NULL), "back\\x5cslash.jpg=own;caf\xc3\xa9/1.jpg=latin1;"
                                         "caf\xc3\xa9/2.jpg=utf8;new\\x0aline.jpg=control;end");
    source_free(s);
    // Two names that are the same as text.
    text_make(scratch.path, "set/caf\xc3\xa9/1.jpg", "both");
    s = open_set(NULL);
    assert_non_null(strstr(listed(s), "caf\xc3\xa9/1.jpg: replaced\n"));
    source_free(s);
}

static void limits_hold(void **state)
{
    (void)state;
    text_make(scratch.path, "set/a/b/c/1.jpg", "deep");
    text_make(scratch.path, "set/a/b/1.jpg", "fits");
    text_make(scratch.path, "set/a/2.jpg", "large");
    IntakeLimits limits = intake_limits_default();
    limits.path_depth = 3;
    limits.entry_bytes = 4;
    Source *s = open_set(&limits);
    assert_string_equal(listed(s), "a/b/1.jpg 4\na/\na/b/\na/b/c/\na/2.jpg: too_large\n"
                                   "a/b/c/1.jpg: path_too_deep\n");
    source_free(s);
    limits.path_depth = 2;
    s = open_set(&limits);
    assert_string_equal(listed(s), "a/\na/b/\na/2.jpg: too_large\na/b/1.jpg: path_too_deep\n"
                                   "a/b/c: path_too_deep\n");
    source_free(s);
    Error err = {0};
    limits = intake_limits_default();
    limits.entries = 5;
    char *message = xasprintf("%s has more than the 5 entries that are accepted",
                              scratch_path(&scratch, "set"));
    CHECK_REFUSED(
        source_open(scratch_path(&scratch, "set"), &(SourceOptions){.limits = &limits}, &s, &err),
        err, ERR_INVALID, message);
    free(message);
    limits.entries = 6;
    limits.total_bytes = 12;
    message = xasprintf("%s has files of more than the 12 bytes that are accepted",
                        scratch_path(&scratch, "set"));
    CHECK_REFUSED(
        source_open(scratch_path(&scratch, "set"), &(SourceOptions){.limits = &limits}, &s, &err),
        err, ERR_INVALID, message);
    free(message);
}

static void a_file_that_is_replaced_costs_only_itself(void **state)
{
    (void)state;
    text_make(scratch.path, "outside/1.jpg", "secret");
    text_make(scratch.path, "set/a/1.jpg", "one");
    text_make(scratch.path, "set/b/1.jpg", "two");
    text_make(scratch.path, "set/c/1.jpg", "three");
    text_make(scratch.path, "set/d/1.jpg", "four");
    text_make(scratch.path, "set/e/1.jpg", "five");
    IntakeLimits limits = intake_limits_default();
    limits.entry_bytes = 8;
    Source *s = open_set(&limits);
    assert_int_equal(remove(scratch_path(&scratch, "set/a/1.jpg")), 0);
    assert_int_equal(symlink("../../outside/1.jpg", scratch_path(&scratch, "set/a/1.jpg")), 0);
    assert_int_equal(rename(scratch_path(&scratch, "set/b"), scratch_path(&scratch, "moved")), 0);
    assert_int_equal(symlink("../outside", scratch_path(&scratch, "set/b")), 0);
    assert_int_equal(remove(scratch_path(&scratch, "set/c/1.jpg")), 0);
    assert_int_equal(mkfifo(scratch_path(&scratch, "set/c/1.jpg"), 0644), 0);
    text_make(scratch.path, "set/d/1.jpg", "grown beyond");
    const char *got = passed(s, NULL);
    assert_null(strstr(got, "secret"));
    assert_non_null(strstr(got, "a/1.jpg!cannot read "));
    assert_non_null(strstr(got, "b/1.jpg!cannot read "));
    assert_non_null(strstr(got, "c/1.jpg!c/1.jpg is not a file any more;"));
    assert_non_null(strstr(got, "d/1.jpg!d/1.jpg has grown to 12 bytes, more than one file may "
                                "have;e/1.jpg=five;end"));
    uint8_t *bytes;
    size_t size;
    Error err = {0};
    assert_false(source_read(s, 0, &bytes, &size, &err));
    assert_int_equal(err.code, ERR_IO);
    source_free(s);
}

static void what_may_not_be_read_is_left_out(void **state)
{
    (void)state;
    text_make(scratch.path, "set/closed/1.jpg", "one");
    text_make(scratch.path, "set/open/1.jpg", "one");
    text_make(scratch.path, "set/open/2.jpg", "two");
    chmod(scratch.path, 0755);
    chmod(scratch_path(&scratch, "set/closed"), 0);
    chmod(scratch_path(&scratch, "set/open/1.jpg"), 0);
    const bool is_root = geteuid() == 0;
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    Source *s = open_set(NULL);
    const char *got = passed(s, NULL);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_non_null(strstr(got, "open/1.jpg!cannot read "));
    assert_non_null(strstr(got, "/open/1.jpg: Permission denied;open/2.jpg=two;end"));
    assert_string_equal(listed(s),
                        "open/1.jpg 3\nopen/2.jpg 3\nclosed/\nopen/\nclosed: unreadable\n");
    assert_string_equal(source_listing(s)->left_out.items[0].reason,
                        "it cannot be read: Permission denied");
    source_free(s);
    chmod(scratch_path(&scratch, "set/closed"), 0755);
}

static void a_hundred_thousand_files_are_listed(void **state)
{
    (void)state;
    enum { FILES = 100000 };
    text_make(scratch.path, "set/cats/0.jpg", "x");
    text_make(scratch.path, "set/dogs/0.jpg", "x");
    for (int i = 1; i < FILES / 2; i++) {
        char cat[PATH_MAX + 40], dog[PATH_MAX + 40];
        snprintf(cat, sizeof cat, "%s/set/cats/%d.jpg", scratch.path, i);
        snprintf(dog, sizeof dog, "%s/set/dogs/%d.jpg", scratch.path, i);
        assert_int_equal(mknod(cat, S_IFREG | 0644, 0) | mknod(dog, S_IFREG | 0644, 0), 0);
    }
    Source *s = open_set(NULL);
    assert_int_equal(source_listing(s)->count, FILES);
    SourceFile file;
    Error err = {0};
    SourceStep step;
    size_t files = 0;
    assert_true(source_begin(s, NULL, &err));
    while ((step = source_next(s, &file, &err)) == SOURCE_FILE)
        assert_int_equal(file.entry, files++);
    assert_int_equal(step, SOURCE_END);
    assert_int_equal(files, FILES);
    source_free(s);
}

/* A scratch folder in memory: ext4 looks for room for new files among those just deleted. */
static int setup_for_many_files(void **state)
{
    const bool in_memory = !getenv("TMPDIR") && access("/dev/shm", W_OK) == 0;
    if (in_memory)
        setenv("TMPDIR", "/dev/shm", 1);
    const int failed = setup(state);
    if (in_memory)
        unsetenv("TMPDIR");
    return failed;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_sorted_by_path, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(links_pipes_and_sockets_are_left_out, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_link_in_a_path_that_was_resolved_is_refused, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_systems_keep_is_left_out, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(names_become_text_and_files_are_found_by_their_own, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(limits_hold, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_replaced_costs_only_itself, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_may_not_be_read_is_left_out, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_hundred_thousand_files_are_listed, setup_for_many_files,
                                        scratch_teardown),
    };
    return RUN_TESTS(tests);
}
