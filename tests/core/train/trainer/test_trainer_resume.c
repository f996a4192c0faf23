/* tests/core/train/trainer/test_trainer_resume.c -- a training continues from the newest whole
 * checkpoint, and says what it skipped and what differs. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/train/resume.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

static const char *file_in(const TrainerFixture *f, const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", f->folder, name);
    return path;
}

/* A checkpoint after `step` steps of the same training. */
static void checkpoint_at(const TrainerFixture *f, int64_t step, const char *path)
{
    TrainConfig c = small_training(f);
    c.checkpoint_path = path;
    Seen seen = {.stop_at_step = step};
    run_until_stopped(c, &seen);
}

static void flip_byte(const char *path, off_t at)
{
    uint8_t byte;
    const int fd = open(path, O_RDWR);
    const off_t place = lseek(fd, at, at < 0 ? SEEK_END : SEEK_SET);
    assert_int_equal(pread(fd, &byte, 1, place), 1);
    byte ^= 0x80;
    assert_int_equal(pwrite(fd, &byte, 1, place), 1);
    close(fd);
}

static void the_newest_whole_checkpoint_is_taken(void **state)
{
    const TrainerFixture *f = *state;
    char paths[4][160];
    const char *const from[] = {
        file_in(f, "gone.safetensors", paths[0]), file_in(f, "step_5.safetensors", paths[1]),
        file_in(f, "step_3.safetensors", paths[2]), file_in(f, "step_1.safetensors", paths[3])};
    checkpoint_at(f, 5, from[1]);
    checkpoint_at(f, 3, from[2]);
    checkpoint_at(f, 1, from[3]);
    flip_byte(from[1], 60);  // in the metadata
    TrainConfig c = small_training(f);
    Seen whole = {0}, seen = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    c.resume_from = from;
    c.resume_count = 4;

    Error err = {0};
    Trainer *t = trainer_of(c);
    const ResumeReport *report = trainer_resume(t);
    assert_string_equal(report->path, from[2]);
    assert_int_equal(trainer_state(t)->step, 3);
    assert_int_equal(report->skipped_count, 2);
    assert_string_equal(report->skipped[0].path, from[0]);
    assert_int_equal(report->skipped[0].why.code, ERR_NOT_FOUND);
    assert_string_equal(report->skipped[1].path, from[1]);
    assert_int_equal(report->skipped[1].why.code, ERR_INVALID);
    assert_true(utf8_valid(report->skipped[1].why.message));
    assert_int_equal(report->difference_count, 0);
    CHECK_OK(trainer_run(t, watch, &seen, &err), err);
    assert_int_equal(trainer_params(t)->count, count);
    assert_memory_equal(trainer_params(t)->values, want, count * sizeof *want);
    trainer_free(t);
    free(want);
}

static void if_none_is_whole_the_newest_ones_fault_is_told(void **state)
{
    const TrainerFixture *f = *state;
    char paths[2][160], want[512];
    const char *const from[] = {file_in(f, "step_5.safetensors", paths[0]),
                                file_in(f, "step_3.safetensors", paths[1])};
    checkpoint_at(f, 5, from[0]);
    checkpoint_at(f, 3, from[1]);
    flip_byte(from[0], -1);
    flip_byte(from[1], -1);
    TrainConfig c = small_training(f);
    c.resume_from = from;
    c.resume_count = 2;
    Error err = {0};
    Trainer *t = NULL;
    snprintf(want, sizeof want, "%s is damaged: its checksum does not match", from[0]);
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID, want);
    assert_null(t);
}

static void everything_that_differs_is_told(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    TrainState elsewhere;
    checkpoint_at(f, 3, f->checkpoint);
    TrainConfig c = resumed(small_training(f), f);
    Trainer *t = trainer_of(c);
    CHECK_OK(
        checkpoint_load(f->checkpoint, (ParamStore *)trainer_params(t), &elsewhere, NULL, &err),
        err);
    snprintf(elsewhere.cpu, sizeof elsewhere.cpu, "Another CPU");
    snprintf(elsewhere.cpu_isa, sizeof elsewhere.cpu_isa, "avx");
    snprintf(elsewhere.precision, sizeof elsewhere.precision, "f16");
    snprintf(elsewhere.onednn, sizeof elsewhere.onednn, "1.2.3");
    snprintf(elsewhere.version, sizeof elsewhere.version, "0.0.1");
    elsewhere.threads = 3;
    CHECK_OK(checkpoint_save(f->checkpoint, trainer_params(t), &elsewhere, NULL, NULL, &err), err);
    trainer_free(t);

    static const char *const WANT[] = {"cpu",     "instructions", "precision",
                                       "threads", "oneDNN",       "version"};
    t = trainer_of(c);
    const ResumeReport *report = trainer_resume(t);
    assert_int_equal(report->difference_count, COUNT(WANT));
    for (size_t i = 0; i < COUNT(WANT); i++)
        assert_string_equal(report->differences[i].what, WANT[i]);
    assert_string_equal(report->differences[3].then, "3");
    assert_string_equal(report->differences[3].now, "1");
    Seen seen = {0};
    CHECK_OK(trainer_run(t, watch, &seen, &err), err);
    assert_non_null(strstr(seen.note, "since the checkpoint was written, cpu changed from Another "
                                      "CPU to "));
    assert_non_null(strstr(seen.note, " and version changed from 0.0.1 to "));
    // From here on it is a checkpoint of this machine.
    assert_true(strcmp(trainer_state(t)->cpu, "Another CPU") != 0);
    trainer_free(t);
}

static void another_precision_changes_more_than_the_last_bits(void **state)
{
    (void)state;
    ResumeReport report = {.difference_count = 2,
                           .differences = {{"threads", "1", "2"}, {"precision", "bf16", "f32"}}};
    char text[256];
    assert_true(resume_sentence(&report, text, sizeof text));
    assert_string_equal(text, "since the checkpoint was written, threads changed from 1 to 2 and "
                              "precision changed from bf16 to f32: results may differ");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_whole_checkpoint_is_taken),
        cmocka_unit_test(if_none_is_whole_the_newest_ones_fault_is_told),
        cmocka_unit_test(everything_that_differs_is_told),
        cmocka_unit_test(another_precision_changes_more_than_the_last_bits),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
