/* tests/server/jobs/test_job.c -- statuses, transitions and times. */
#include "server/jobs/job.h"

#include <string.h>

#include "server/base/time.h"
#include "tests/check.h"

enum { NO = -1 };

/* Every status against every trigger: where it leads, or NO. */
static const int LEADS_TO[JOB_STATUSES][JOB_INTERRUPT + 1] = {
    // clang-format off
    //                START        STOP          END          SUCCEED        FAIL        RESUME      INTERRUPT
    [JOB_QUEUED]    = {JOB_RUNNING, JOB_STOPPED,  NO,          NO,            NO,         NO,         NO},
    [JOB_RUNNING]   = {NO,          JOB_STOPPING, NO,          JOB_SUCCEEDED, JOB_FAILED, NO,         JOB_QUEUED},
    [JOB_STOPPING]  = {NO,          NO,           JOB_STOPPED, JOB_SUCCEEDED, JOB_FAILED, NO,         JOB_STOPPED},
    [JOB_STOPPED]   = {NO,          NO,           NO,          NO,            NO,         JOB_QUEUED, NO},
    [JOB_SUCCEEDED] = {NO,          NO,           NO,          NO,            NO,         NO,         NO},
    [JOB_FAILED]    = {NO,          NO,           NO,          NO,            NO,         JOB_QUEUED, NO},
    // clang-format on
};

static void each_trigger_leads_where_the_table_says_or_is_refused(void **state)
{
    (void)state;
    for (int from = 0; from < JOB_STATUSES; from++) {
        for (int trigger = 0; trigger <= JOB_INTERRUPT; trigger++) {
            const int want = LEADS_TO[from][trigger];
            JobStatus to = JOB_STATUSES;
            Error err = {0};
            if (want != NO) {
                CHECK_OK(job_next_status((JobStatus)from, (JobTrigger)trigger, &to, &err), err);
                assert_int_equal(to, want);
            } else {
                assert_false(job_next_status((JobStatus)from, (JobTrigger)trigger, &to, &err));
                assert_int_equal(err.code, ERR_CONFLICT);
                assert_non_null(strstr(err.message, JOB_STATUS_NAMES[from]));
                assert_int_equal(to, JOB_STATUSES);
            }
        }
    }
}

static void a_refusal_names_request_and_status(void **state)
{
    (void)state;
    Error err;
    JobStatus to;
    CHECK_REFUSED(job_next_status(JOB_SUCCEEDED, JOB_RESUME, &to, &err), err, ERR_CONFLICT,
                  "cannot resume a job that is succeeded");
}

static void active_states_are_those_a_worker_may_touch(void **state)
{
    (void)state;
    assert_true(job_status_active(JOB_QUEUED));
    assert_true(job_status_active(JOB_RUNNING));
    assert_true(job_status_active(JOB_STOPPING));
    assert_false(job_status_active(JOB_STOPPED));
    assert_false(job_status_active(JOB_SUCCEEDED));
    assert_false(job_status_active(JOB_FAILED));
}

static void times_are_rfc_3339_in_utc(void **state)
{
    (void)state;
    char text[TIME_TEXT];
    time_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    time_format(1709210096007, text);  // a leap day
    assert_string_equal(text, "2024-02-29T12:34:56.007Z");
    assert_true(time_now_ms() > 1700000000000);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trigger_leads_where_the_table_says_or_is_refused),
        cmocka_unit_test(a_refusal_names_request_and_status),
        cmocka_unit_test(active_states_are_those_a_worker_may_touch),
        cmocka_unit_test(times_are_rfc_3339_in_utc),
    };
    return RUN_TESTS(tests);
}
