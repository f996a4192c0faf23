/* tests/server/launch/test_report.c -- what is written by one side is read by the other. */
#include "server/launch/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/launch/order.h"
#include "tests/check.h"

static void read_back(char *line, Report *report)
{
    assert_null(strchr(line, '\n'));
    report_read(line, report);
    free(line);
}

static TrainEvent event_of(TrainEventType type)
{
    return (TrainEvent){
        .type = type,
        .step = 1234567890123,
        .total_steps = 2345678901234,
        .epoch = 3,
        .epoch_position = 2.1,
        .loss = 0.1 + 0.2,
        .accuracy = 1.0 / 3,
        .learning_rate = 1e-300,
        .step_examples = 128,
        .examples_per_second = 321.5,
        .train_seconds = 1e9 / 7,
        .total_seconds = 77,
        .evaluated = true,
        .tested = true,
        .validation_loss = NAN,
        .validation_accuracy = INFINITY,
        .test_loss = 2,
        .test_accuracy = 0.3,
        .test_top5_accuracy = 0.7,
        .test_seconds = 0.01,
        .best = true,
    };
}

static void events_keep_every_bit(void **state)
{
    (void)state;
    const TrainEventType types[] = {TRAIN_STEP,  TRAIN_POINT,      TRAIN_PART,
                                    TRAIN_EPOCH, TRAIN_CHECKPOINT, TRAIN_KERNELS};
    for (size_t i = 0; i < COUNT(types); i++) {
        const TrainEvent e = event_of(types[i]);
        Report r;
        read_back(report_event_line(&e, NULL), &r);
        assert_int_equal(r.type, REPORT_EVENT);
        assert_true(isnan(r.event.validation_loss) && isnan(r.event.validation_accuracy));
        assert_null(r.event.note);
        assert_null(r.event.kernels);
        // All else is as it was, to the last bit.
        r.event.validation_loss = e.validation_loss;
        r.event.validation_accuracy = e.validation_accuracy;
        assert_memory_equal(&r.event, &e, sizeof e);
        report_free(&r);
    }
}

static void texts_and_errors_come_along(void **state)
{
    (void)state;
    TrainEvent e = event_of(TRAIN_KERNELS);
    e.note = "a \"note\"";
    e.kernels = "two\nlines\n";
    Report r;
    read_back(report_event_line(&e, NULL), &r);
    assert_string_equal(r.event.note, e.note);
    assert_string_equal(r.event.kernels, e.kernels);
    report_free(&r);

    const Error err = {.code = ERR_NO_SPACE, .message = "write x: No space left on device"};
    e = event_of(TRAIN_CHECKPOINT_FAILED);
    e.error = &err;
    read_back(report_event_line(&e, NULL), &r);
    assert_int_equal(r.event.type, TRAIN_CHECKPOINT_FAILED);
    assert_int_equal(r.event.error->code, ERR_NO_SPACE);
    assert_string_equal(r.event.error->message, err.message);
    report_free(&r);

    read_back(report_failed_line(&err), &r);
    assert_int_equal(r.type, REPORT_FAILED);
    assert_int_equal(r.error.code, ERR_NO_SPACE);
    assert_string_equal(r.error.message, err.message);
    report_free(&r);

    e = event_of(TRAIN_END);
    e.ending = ENDING_EARLY_STOPPING;
    read_back(report_event_line(&e, NULL), &r);
    assert_int_equal(r.event.ending, ENDING_EARLY_STOPPING);
    report_free(&r);
}

static void words_are_read(void **state)
{
    (void)state;
    Report r;
    read_back(report_hello_line(5), &r);
    assert_int_equal(r.type, REPORT_HELLO);
    assert_int_equal(r.ranks, 5);
    report_free(&r);

    const TrainState where = {
        .cpu = "a", .cpu_isa = "b", .onednn = "c", .version = "d", .threads = 7};
    read_back(report_ready_line(&where, 469), &r);
    assert_int_equal(r.type, REPORT_READY);
    assert_int_equal(r.epoch_steps, 469);
    assert_memory_equal(&r.where, &where, sizeof where);
    report_free(&r);

    const struct {
        const char *word;
        ReportType type;
    } words[] = {{"alive", REPORT_ALIVE},
                 {"saved", REPORT_SAVED},
                 {"stopped", REPORT_STOPPED},
                 {"done", REPORT_DONE}};
    for (size_t i = 0; i < COUNT(words); i++) {
        read_back(report_word_line(words[i].word), &r);
        assert_int_equal(r.type, words[i].type);
        report_free(&r);
    }
}

static void lists_are_read(void **state)
{
    (void)state;
    Report r;
    report_read("{\"googlenetd\":\"resumed\",\"step\":5,\"skipped\":[\"x is damaged\",7,\"y\"]}",
                &r);
    assert_int_equal(r.event.type, TRAIN_RESUMED);
    assert_int_equal(r.resumed.skipped_count, 2);
    assert_string_equal(r.resumed.skipped[1].why.message, "y");
    report_free(&r);

    report_read(
        "{\"googlenetd\":\"initialized\",\"tensors\":[{\"name\":\"a\",\"taken\":true},{\"name\":"
        "\"b\","
        "\"why\":\"it is another\",\"taken\":false}],\"head_taken\":true,\"superfluous\":3}",
        &r);
    assert_int_equal(r.event.type, TRAIN_INITIALIZED);
    assert_int_equal(r.transfer.count, 2);
    assert_int_equal(r.transfer.taken, 1);
    assert_string_equal(r.transfer.tensors[1].name, "b");
    assert_string_equal(r.transfer.tensors[1].why, "it is another");
    assert_true(r.transfer.head_taken);
    assert_int_equal(r.transfer.superfluous, 3);
    report_free(&r);
}

static void other_lines_are_no_reports(void **state)
{
    (void)state;
    static const char *const LINES[] = {"",
                                        "hello",
                                        "{}",
                                        "{\"googlenetd\":\"point\"",
                                        "{\"googlenetd\":\"nothing\"}",
                                        "0: {\"googlenetd\":\"done\"}",
                                        "{\"googlenetd\":\"done\"} {\"googlenetd\":\"done\"}",
                                        "{\"googlenetd\":\"\xff\"}"};
    for (size_t i = 0; i < COUNT(LINES); i++) {
        Report r;
        report_read(LINES[i], &r);
        assert_int_equal(r.type, REPORT_OTHER);
        report_free(&r);
    }
    // Members that are not what they must be harm nobody.
    Report r;
    report_read("{\"googlenetd\":\"failed\",\"code\":\"x\",\"message\":[]}", &r);
    assert_int_equal(r.error.code, ERR_IO);
    report_free(&r);
    report_read("{\"googlenetd\":\"initialized\",\"tensors\":[1,{}],\"step\":1e300}", &r);
    assert_int_equal(r.event.step, 0);
    assert_string_equal(r.transfer.tensors[1].name, "");
    report_free(&r);
}

static void orders_come_whole(void **state)
{
    (void)state;
    Error err = {0};
    Faults faults = {0};
    const char *resume[] = {"/d/2", "/d/1"};
    Order sent = {.ranks = 2,
                  .folder = "/sets/fashion",
                  .name = "fashion_mnist",
                  .checkpoint = "/d/t",
                  .autotune = "/d/k",
                  .kernels = "a\nb\n",
                  .resume = resume,
                  .resume_count = 2,
                  .checkpoint_seconds = 0.1};
    cJSON *json = cJSON_Parse(
        "{\"network\":\"googlenet_tiny\",\"shards\":4,\"ranks\":2,\"seed\":9007199254740991}");
    assert_true(spec_read(json, (SpecRules){.allow_folders = true}, &sent.spec, &faults));
    cJSON_Delete(json);
    strcpy(sent.spec.init_from.file, "/d/init.safetensors");
    char *line = order_line(&sent);
    spec_free(&sent.spec);
    Order o;
    CHECK_OK(order_read(line, &o, &err), err);
    free(line);
    assert_int_equal(o.ranks, 2);
    assert_int_equal(o.spec.shards, 4);
    assert_true(o.spec.seed == 9007199254740991u);
    assert_string_equal(o.spec.init_from.file, "/d/init.safetensors");
    assert_string_equal(o.folder, "/sets/fashion");
    assert_string_equal(o.name, "fashion_mnist");
    assert_string_equal(o.checkpoint, "/d/t");
    assert_string_equal(o.autotune, "/d/k");
    assert_string_equal(o.kernels, "a\nb\n");
    assert_int_equal(o.resume_count, 2);
    assert_string_equal(o.resume[1], "/d/1");
    CHECK_NEAR(o.checkpoint_seconds, 0.1, 0);
    order_free(&o);

    static const char *const BAD[] = {
        "", "{}", "[]", "{\"name\":\"a\",\"checkpoint\":\"b\"}",
        "{\"name\":\"a\",\"checkpoint\":\"b\",\"settings\":{\"ranks\":0}}"};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        assert_false(order_read(BAD[i], &o, &err));
        assert_int_equal(err.code, ERR_INVALID);
        order_free(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_keep_every_bit),
        cmocka_unit_test(texts_and_errors_come_along),
        cmocka_unit_test(words_are_read),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(other_lines_are_no_reports),
        cmocka_unit_test(orders_come_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
