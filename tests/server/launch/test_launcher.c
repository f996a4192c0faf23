/* tests/server/launch/test_launcher.c -- the launcher's words. */
#include "server/launch/launcher.h"

#include <string.h>

#include "tests/check.h"

static void words_have_ranks_and_program_in_their_places(void **state)
{
    (void)state;
    char **words =
        launcher_words("  mpirun -n {ranks}\t--host 'a b',\"c 'd'\" x{ranks}y{ranks} {program} ''",
                       12, "/opt/my program");
    static const char *const EXPECTED[] = {
        "mpirun", "-n", "12", "--host", "a b,c 'd'", "x12y12", "/opt/my program", "rank", ""};
    for (size_t i = 0; i < COUNT(EXPECTED); i++)
        assert_string_equal(words[i], EXPECTED[i]);
    assert_null(words[COUNT(EXPECTED)]);
    launcher_free(words);
}

static void faulty_templates_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"", "must have the word {program} once, got it 0 times in \"\""},
        {"mpirun -n 2", "must have the word {program} once, got it 0 times in \"mpirun -n 2\""},
        {"x{program}", "must have the word {program} once, got it 0 times in \"x{program}\""},
        {"{program} : {program}",
         "must have the word {program} once, got it 2 times in \"{program} : {program}\""},
        {"mpirun 'a b {program}", "has a quote that is not closed: 'a b {program}"},
        {"mpirun {program} \"", "has a quote that is not closed: \""},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        assert_false(launcher_check(CASES[i].text, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(err.message, CASES[i].message);
    }
    char many[2 * 257 + sizeof "{program}"] = "";
    for (int i = 0; i < 257; i++)
        strcat(many, "a ");
    Error err = {0};
    assert_false(launcher_check(strcat(many, "{program}"), &err));
    assert_string_equal(err.message, "must have at most 256 words, got 258");
    assert_true(launcher_check("'a b'{ranks} {program}", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_have_ranks_and_program_in_their_places),
        cmocka_unit_test(faulty_templates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
