/* tests/core/choice/test_choices.c -- choices are kept, for the machine they were made on. */
#include "core/choice/choices.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/check.h"

static void the_first_choice_stays(void **state)
{
    (void)state;
    Choices *c = choices_new();
    assert_null(choices_find(c, "forward x"));
    choices_set(c, "forward x", "fast");
    choices_set(c, "forward x", "faster");
    assert_string_equal(choices_find(c, "forward x"), "fast");
    assert_int_equal(choices_count(c), 1);
    choices_free(c);
}

static void text_gives_them_back(void **state)
{
    (void)state;
    Choices *a = choices_new(), *b = choices_new();
    choices_set(a, "forward x", "fast");
    choices_set(a, "backward y, 2 threads", "F(3,3)");
    char *text = choices_to_text(a);
    choices_from_text(b, text);
    assert_int_equal(choices_count(b), 2);
    assert_string_equal(choices_find(b, "forward x"), "fast");
    assert_string_equal(choices_find(b, "backward y, 2 threads"), "F(3,3)");
    char *again = choices_to_text(b);
    assert_string_equal(text, again);
    free(text);
    free(again);
    choices_free(a);
    choices_free(b);
}

static void what_another_cpu_measured_is_not_taken(void **state)
{
    (void)state;
    Choices *c = choices_new();
    assert_false(choices_were_foreign(c));
    assert_false(choices_from_text(c, "# Another CPU, avx2, oneDNN 3.7.2\nforward x: fast\n"));
    assert_true(choices_were_foreign(c));
    assert_false(choices_from_text(c, ""));
    assert_int_equal(choices_count(c), 0);
    choices_free(c);
}

static void lines_that_make_no_sense_are_passed_over(void **state)
{
    (void)state;
    Choices *c = choices_new();
    char *header = choices_to_text(c);
    char *text = xasprintf("%sforward x: fast\nno colon\n: \n:\nx:\n%0200d: a\ny: %0200d\nz: last",
                           header, 1, 1);
    choices_from_text(c, text);
    assert_int_equal(choices_count(c), 2);
    assert_string_equal(choices_find(c, "z"), "last");
    free(text);
    free(header);
    choices_free(c);
}

static void a_file_keeps_them(void **state)
{
    (void)state;
    Error err = {0};
    char path[] = "/tmp/test_choices.XXXXXX";
    close(mkstemp(path));
    unlink(path);
    Choices *a = choices_new(), *b = choices_new();
    CHECK_OK(choices_load(a, path, &err), err);  // not there: none
    assert_int_equal(choices_count(a), 0);
    choices_set(a, "forward x", "fast");
    CHECK_OK(choices_save(a, path, &err), err);
    CHECK_OK(choices_load(b, path, &err), err);
    assert_string_equal(choices_find(b, "forward x"), "fast");
    unlink(path);
    assert_false(choices_load(b, "/proc/self/mem/x", &err));
    assert_int_equal(err.code, ERR_IO);
    choices_free(a);
    choices_free(b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_choice_stays),
        cmocka_unit_test(text_gives_them_back),
        cmocka_unit_test(what_another_cpu_measured_is_not_taken),
        cmocka_unit_test(lines_that_make_no_sense_are_passed_over),
        cmocka_unit_test(a_file_keeps_them),
    };
    return RUN_TESTS(tests);
}
