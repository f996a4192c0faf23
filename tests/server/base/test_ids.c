/* tests/server/base/test_ids.c -- ids and versions as text. */
#include "server/base/ids.h"

#include "tests/check.h"

static void ids_come_back_from_their_text(void **state)
{
    (void)state;
    char text[ID_TEXT];
    int64_t id = 0;
    job_id_format(17, text);
    assert_string_equal(text, "job_17");
    assert_true(job_id_parse(text, &id));
    assert_int_equal(id, 17);
    checkpoint_id_format(0, text);
    assert_true(checkpoint_id_parse(text, &id));
    assert_int_equal(id, 0);
}

static void other_forms_of_an_id_are_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"",        "17",      "job_",    "job_0",
                                        "job_01",  "job_-1",  "job_+1",  "job_1 ",
                                        " job_1",  "job_1/.", "JOB_1",   "job_0x1",
                                        "step_17", "job_1x",  "job_1.0", "job_9999999999999999999"};
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        int64_t id = -5;
        if (job_id_parse(WRONG[i], &id))
            fail_msg("\"%s\" was taken for an id", WRONG[i]);
    }
}

static void versions_are_plain_numbers(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"",   "0",  "01", "+1",  "-1",
                                        " 1", "1 ", "1x", "0x1", "9999999999999999999"};
    int64_t version = 0;
    assert_true(model_version_parse("12", &version));
    assert_int_equal(version, 12);
    for (size_t i = 0; i < COUNT(WRONG); i++)
        if (model_version_parse(WRONG[i], &version))
            fail_msg("\"%s\" was taken for a version", WRONG[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_back_from_their_text),
        cmocka_unit_test(other_forms_of_an_id_are_refused),
        cmocka_unit_test(versions_are_plain_numbers),
    };
    return RUN_TESTS(tests);
}
