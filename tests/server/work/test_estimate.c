/* tests/server/work/test_estimate.c -- time is told from the job that was most like it, or not at
 * all. */
#include "server/work/estimate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/dnn/dnn.h"
#include "server/base/json/json_text.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

static const JobThreads TWO = {.share = 2, .most = 4};

/* What is said of a job of these settings. */
static JobEstimate estimate_of(JobsFixture *f, const char *settings)
{
    JobSpec spec;
    Faults faults = {0};
    JobEstimate estimate;
    cJSON *json = json_parse_text("settings", settings, strlen(settings), &f->err);
    assert_non_null(json);
    assert_true(spec_read(json, (SpecRules){0}, &spec, &faults));
    CHECK_OK(jobs_estimate(f->jobs, &spec, TWO, &estimate, &f->err), f->err);
    spec_free(&spec);
    cJSON_Delete(json);
    assert_true(estimate.memory_bytes > 50u << 20);
    return estimate;
}

/* A job that ran on two threads of this CPU, made so many steps at this speed, and was stopped. */
static int64_t trained(JobsFixture *f, const char *settings, int64_t step, double speed)
{
    const int64_t id = jobs_add(f, settings);
    Run *run = jobs_take(f);
    TrainState machine = {.threads = 2};
    snprintf(machine.cpu_isa, sizeof machine.cpu_isa, "%s", dnn_isa_name());
    CHECK_OK(run_environment(run, &machine, &f->err), f->err);
    const TrainEvent event = {
        .type = TRAIN_POINT, .step = step, .total_steps = 100, .examples_per_second = speed};
    run_step(run, (RunStep){&event, 32});
    CHECK_OK(run_point(run, &(PointRow){.step = step}, &f->err), f->err);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    return id;
}

#define TINY "\"network\":\"googlenet_tiny\",\"precision\":\"f32\""

static void nothing_is_said_where_nothing_alike_has_run(void **state)
{
    JobsFixture *f = *state;
    trained(f, "{\"precision\":\"f32\"}", 50, 100);  // another model
    trained(f, "{" TINY "}", 19, 100);               // too few steps
    const JobEstimate e = estimate_of(f, "{" TINY "}");
    assert_int_equal(e.measured_job, 0);
    assert_true(e.seconds == 0 && e.examples_per_second == 0);
    // One thread is not two.
    trained(f, "{" TINY "}", 20, 100);
    assert_int_equal(estimate_of(f, "{" TINY ",\"threads\":1}").measured_job, 0);
    assert_int_equal(estimate_of(f, "{" TINY ",\"threads\":2}").measured_job, 3);
}

static void the_most_alike_is_asked_and_of_those_the_newest(void **state)
{
    JobsFixture *f = *state;
    trained(f, "{" TINY ",\"batch_size\":64}", 30, 1000);
    trained(f, "{" TINY ",\"batch_size\":64}", 30, 2000);
    trained(f, "{" TINY ",\"batch_size\":32}", 30, 3000);
    trained(f, "{" TINY ",\"image_size\":56,\"batch_size\":64}", 30, 500);
    JobEstimate e = estimate_of(f, "{" TINY ",\"batch_size\":64}");
    assert_int_equal(e.measured_job, 2);
    assert_true(e.examples_per_second == 2000);
    e = estimate_of(f, "{" TINY ",\"batch_size\":16}");
    assert_int_equal(e.measured_job, 3);
    e = estimate_of(f, "{" TINY ",\"image_size\":56}");
    assert_int_equal(e.measured_job, 4);
    // 60 pixels were never measured: the newest job, scaled.
    e = estimate_of(f, "{" TINY ",\"image_size\":60,\"batch_size\":128}");
    assert_int_equal(e.measured_job, 4);
    assert_true(e.examples_per_second < 500 && e.examples_per_second > 350);
}

static void time_is_three_passes_for_training_and_one_for_tests(void **state)
{
    JobsFixture *f = *state;
    trained(f, "{" TINY "}", 30, 1000);
    JobEstimate e = estimate_of(f, "{" TINY ",\"epochs\":3}");
    assert_true(fabs(e.seconds - 3 * (60000 + 10000 / 3.0) / 1000) < 1e-9);
    e = estimate_of(f, "{" TINY ",\"epochs\":3,\"train_limit\":900,\"test_limit\":300}");
    assert_true(fabs(e.seconds - 3) < 1e-9);
    e = estimate_of(f, "{" TINY ",\"epochs\":3,\"max_seconds\":7}");
    assert_true(e.seconds == 7);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

/* A set of 100,000 pictures of 224 x 224 takes 15 GB, but not of memory. */
static void mapped_pixels_are_not_counted(void **state)
{
    (void)state;
    JobSpec spec;
    Faults faults = {0};
    Error err = {0};
    cJSON *json = cJSON_Parse("{" TINY "}");
    assert_true(spec_read(json, (SpecRules){0}, &spec, &faults));
    Graph *g = spec_graph(&spec, (Shape){3, 224, 224}, 10, &err);
    assert_non_null(g);
    SetSize size = {{3, 224, 224}, 90000, 10000, true};
    const size_t mapped = estimate_memory(g, &spec, &size, 2);
    size.mapped = false;
    const size_t read = estimate_memory(g, &spec, &size, 2);
    assert_true(read - mapped == (size_t)100000 * 3 * 224 * 224);
    graph_free(g);
    spec_free(&spec);
    cJSON_Delete(json);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_said_where_nothing_alike_has_run),
        CASE(the_most_alike_is_asked_and_of_those_the_newest),
        CASE(time_is_three_passes_for_training_and_one_for_tests),
        cmocka_unit_test(mapped_pixels_are_not_counted),
    };
    return RUN_TESTS(tests);
}
