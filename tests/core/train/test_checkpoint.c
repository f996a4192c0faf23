/* tests/core/train/test_checkpoint.c -- a training's state comes back whole, or is refused. */
#include "core/train/checkpoint.h"

#include <stdio.h>
#include <unistd.h>

#include "core/layers/linear.h"
#include "core/train/safetensors.h"
#include "tests/check.h"

static ParamStore *store_new(const char *name, int out, float first)
{
    Error err = {0};
    ParamStore *store = NULL;
    Graph *g = graph_new((Shape){5, 1, 1});
    linear(g, linear(g, graph_input(g), "hidden", (Linear){.out = 7}), name, (Linear){.out = out});
    CHECK_OK(params_new(g, &store, &err), err);
    graph_free(g);
    for (size_t i = 0; i < store->count; i++)
        store->values[i] = first + (float)i / 3;
    return store;
}

static const TrainState STATE = {
    .step = 1234567890123,
    .epoch = 7,
    .batch = 12,
    .epoch_sum = {.loss = 0x1.23456789abcdep+3, .top1 = 99, .top5 = 120, .count = 128},
    .epoch_seconds = 0.1,
    .best_accuracy = -1,
    .best_epoch = 0,
    .seed = 9007199254740991u,
    .cpu_isa = "avx512_core",
    .precision = "f32",
    .onednn = "3.7.2",
    .version = "0.1.0",
    .threads = 12,
};

static void path_of(char *path, const char *name)
{
    snprintf(path, 128, "/tmp/test_checkpoint.%d.%s", (int)getpid(), name);
}

static void state_parameters_and_momentum_come_back(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "round");
    ParamStore *a = store_new("out", 3, 0.1f), *b = store_new("out", 3, 9);
    CHECK_OK(params_need_momentum(a, &err), err);
    for (size_t i = 0; i < a->count; i++)
        a->momentum[i] = -(float)i;
    CHECK_OK(checkpoint_save(path, a, &STATE, NULL, &err), err);
    TrainState got = {0};
    CHECK_OK(checkpoint_load(path, b, &got, NULL, &err), err);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
    assert_non_null(b->momentum);
    assert_memory_equal(a->momentum, b->momentum, a->count * sizeof(float));
    assert_true(got.step == STATE.step && got.epoch == 7 && got.batch == 12);
    assert_true(got.epoch_sum.loss == STATE.epoch_sum.loss);
    assert_true(got.epoch_sum.top1 == 99 && got.epoch_sum.top5 == 120
                && got.epoch_sum.count == 128);
    assert_true(got.epoch_seconds == 0.1 && got.best_accuracy == -1 && got.best_epoch == 0);
    assert_true(got.seed == STATE.seed && got.threads == 12);
    assert_string_equal(got.cpu_isa, "avx512_core");
    assert_string_equal(got.precision, "f32");
    assert_string_equal(got.onednn, "3.7.2");
    assert_string_equal(got.version, "0.1.0");
    unlink(path);
    params_free(a);
    params_free(b);
}

static void a_model_file_has_parameters_alone(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "model");
    ParamStore *a = store_new("out", 3, 1), *b = store_new("out", 3, 2);
    CHECK_OK(params_need_momentum(a, &err), err);
    CHECK_OK(model_save(path, a, "some_model", &err), err);
    SafeFile *f = NULL;
    CHECK_OK(safetensors_open(path, &f, &err), err);
    assert_int_equal(safetensors_count(f), 4);
    assert_non_null(safetensors_find(f, "hidden.weight"));
    assert_string_equal(safetensors_metadata(f, "model"), "some_model");
    safetensors_close(f);
    CHECK_OK(model_load(path, b, &err), err);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
    TrainState ignored;
    assert_false(checkpoint_load(path, b, &ignored, NULL, &err));
    assert_non_null(strstr(
        err.message, "has weights but no state of a training: start a new training with them"));
    unlink(path);
    params_free(a);
    params_free(b);
}

static void a_checkpoint_serves_as_a_model(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "both");
    ParamStore *a = store_new("out", 3, 1), *b = store_new("out", 3, 2);
    CHECK_OK(params_need_momentum(a, &err), err);
    CHECK_OK(checkpoint_save(path, a, &STATE, NULL, &err), err);
    CHECK_OK(model_load(path, b, &err), err);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
    unlink(path);
    params_free(a);
    params_free(b);
}

static void another_network_is_refused_by_its_tensor(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int out;
        const char *message;
    } CASES[] = {
        {"last", 3,
         "is of another network: there is no tensor last.weight; there is no tensor last.bias; "
         "tensor out.weight is unknown; tensor out.bias is unknown"},
        {"out", 4, "is of another network: tensor out.weight is 3x"},
    };
    char path[128];
    path_of(path, "other");
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        ParamStore *a = store_new("out", 3, 1), *b = store_new(CASES[i].name, CASES[i].out, 2);
        const float before = b->values[0];
        TrainState got = {.step = 5};
        CHECK_OK(checkpoint_save(path, a, &STATE, NULL, &err), err);
        assert_false(checkpoint_load(path, b, &got, NULL, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, CASES[i].message));
        assert_true(b->values[0] == before && got.step == 5);
        params_free(a);
        params_free(b);
    }
    unlink(path);
}

/* Change the byte at `at`, from the end where it is negative. */
static void damage(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    const int byte = fgetc(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    fputc(byte ^ 1, f);
    fclose(f);
}

static void a_flipped_bit_in_the_numbers_is_noticed(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "flip");
    ParamStore *a = store_new("out", 3, 1);
    TrainState got;
    for (long at = -1; at > -100; at -= 13) {
        CHECK_OK(checkpoint_save(path, a, &STATE, NULL, &err), err);
        damage(path, at);
        assert_false(checkpoint_load(path, a, &got, NULL, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "is damaged: its checksum does not match"));
    }
    unlink(path);
    params_free(a);
}

static void a_missing_checkpoint_is_not_found(void **state)
{
    (void)state;
    Error err = {0};
    ParamStore *a = store_new("out", 3, 1);
    TrainState got;
    assert_false(checkpoint_load("/nowhere/checkpoint.safetensors", a, &got, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    params_free(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_parameters_and_momentum_come_back),
        cmocka_unit_test(a_model_file_has_parameters_alone),
        cmocka_unit_test(a_checkpoint_serves_as_a_model),
        cmocka_unit_test(another_network_is_refused_by_its_tensor),
        cmocka_unit_test(a_flipped_bit_in_the_numbers_is_noticed),
        cmocka_unit_test(a_missing_checkpoint_is_not_found),
    };
    return RUN_TESTS(tests);
}
