/* tests/core/train/files/test_checkpoint.c -- a training's state comes back whole or is refused. */
#include "core/train/files/checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/layers/batch_norm.h"
#include "core/layers/linear.h"
#include "core/train/files/model_info.h"
#include "core/train/files/safetensors.h"
#include "tests/check.h"
#include "tests/core/train/files/read_model.h"

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
    .last_sum = {.loss = 0x1.8p-2, .top1 = 5, .top5 = 6, .count = 7},
    .last_seconds = 0.25,
    .test_sum = {.loss = 1e-300, .top1 = 8, .top5 = 9, .count = 10},
    .test_step = 1234567890111,
    .best_accuracy = -1,
    .best_epoch = 0,
    .best_step = 77,
    .ending = {.seconds = 0.3, .reference = 0.7, .idle_epochs = 2},
    .normalization = {3, {0.1, 0.2, 1.0 / 3}, {0.7, 1e-9, 2.0 / 3}},
    .seed = 9007199254740991u,
    .cpu = "Some CPU, family 26",
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

static size_t read_bytes(const char *path, uint8_t bytes[4096])
{
    const int fd = open(path, O_RDONLY);
    const ssize_t size = read(fd, bytes, 4096);
    close(fd);
    assert_true(size > 0 && size < 4096);
    return (size_t)size;
}

static void check_equal_files(const char *a, const char *b)
{
    uint8_t x[4096], y[4096];
    const size_t size = read_bytes(a, x);
    assert_int_equal(read_bytes(b, y), size);
    assert_memory_equal(x, y, size);
}

static void state_parameters_and_momentum_come_back(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "round");
    ParamStore *a = store_new("out", 3, 0.1f), *b = store_new("out", 3, 9);
    CHECK_OK(params_need_slot(a, SLOT_MOMENTUM, &err), err);
    for (size_t i = 0; i < a->count; i++)
        a->slots[SLOT_MOMENTUM][i] = -(float)i;
    CHECK_OK(checkpoint_save(path, a, &STATE, NULL, NULL, &err), err);
    TrainState got = {0};
    CHECK_OK(checkpoint_load(path, b, &got, NULL, &err), err);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
    assert_non_null(b->slots[SLOT_MOMENTUM]);
    assert_memory_equal(a->slots[SLOT_MOMENTUM], b->slots[SLOT_MOMENTUM], a->count * sizeof(float));
    assert_true(got.step == STATE.step && got.ending.reference == STATE.ending.reference);
    assert_string_equal(got.cpu, STATE.cpu);
    assert_memory_equal(&got.normalization, &STATE.normalization, sizeof got.normalization);
    // What was read, written again, is the same file: no field is lost.
    char again[128];
    path_of(again, "again");
    CHECK_OK(checkpoint_save(again, b, &got, NULL, NULL, &err), err);
    check_equal_files(path, again);
    unlink(again);
    unlink(path);
    params_free(a);
    params_free(b);
}

static ParamStore *norm_store_new(float first)
{
    Error err = {0};
    ParamStore *store = NULL;
    Graph *g = graph_new((Shape){5, 2, 2});
    Node x = batch_norm(g, graph_input(g), "n", (BatchNorm){.eps = 1e-3});
    x = batch_norm(g, x, "m", (BatchNorm){.eps = 1e-3});
    linear(g, x, "out", (Linear){.out = 3});
    CHECK_OK(params_new(g, &store, &err), err);
    graph_free(g);
    for (size_t i = 0; i < store->count; i++)
        store->values[i] = first + (float)i / 3;
    return store;
}

/* Beyond 2^53, which a double could not hold. */
static void statistics_and_counters_come_back(void **state)
{
    (void)state;
    static const int64_t BATCHES[] = {9007199254740993, 3};
    Error err = {0};
    char path[128];
    path_of(path, "norm");
    for (int model = 0; model <= 1; model++) {
        ParamStore *a = norm_store_new(0.1f), *b = norm_store_new(9);
        assert_int_equal(a->counter_count, COUNT(BATCHES));
        memcpy(a->counters, BATCHES, sizeof BATCHES);
        TrainState got = {0};
        CHECK_OK(model ? model_save(path, a, &(ModelInfo){.network = "m"}, &err)
                       : checkpoint_save(path, a, &STATE, NULL, NULL, &err),
                 err);
        CHECK_OK(model ? read_model(path, b, NULL, &err)
                       : checkpoint_load(path, b, &got, NULL, &err),
                 err);
        assert_memory_equal(a->values, b->values, a->count * sizeof(float));
        assert_memory_equal(b->counters, BATCHES, sizeof BATCHES);
        SafeFile *f = NULL;
        CHECK_OK(safetensors_open(path, &f, &err), err);
        assert_non_null(safetensors_find(f, "n.running_mean"));
        assert_non_null(safetensors_find(f, "m.num_batches_tracked"));
        safetensors_close(f);
        unlink(path);
        params_free(a);
        params_free(b);
    }
}

static void a_model_file_has_parameters_alone(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "model");
    ParamStore *a = store_new("out", 3, 1), *b = store_new("out", 3, 2);
    CHECK_OK(params_need_slot(a, SLOT_MOMENTUM, &err), err);
    CHECK_OK(model_save(path, a,
                        &(ModelInfo){.network = "some_model", .normalization = {1, {0.25}, {0.5}}},
                        &err),
             err);
    SafeFile *f = NULL;
    CHECK_OK(safetensors_open(path, &f, &err), err);
    assert_int_equal(safetensors_count(f), 4);
    assert_non_null(safetensors_find(f, "hidden.weight"));
    assert_string_equal(safetensors_metadata(f, "model"), "some_model");
    assert_string_equal(safetensors_metadata(f, "normalization"),
                        "{\"mean\":[0.25],\"std\":[0.5]}");
    safetensors_close(f);
    CHECK_OK(model_save(path, a, &(ModelInfo){.network = "some_model"}, &err), err);
    CHECK_OK(safetensors_open(path, &f, &err), err);
    assert_null(safetensors_metadata(f, "normalization"));
    safetensors_close(f);
    CHECK_OK(read_model(path, b, NULL, &err), err);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
    TrainState ignored;
    assert_false(checkpoint_load(path, b, &ignored, NULL, &err));
    assert_non_null(strstr(
        err.message, "has weights but no state of a training: start a new training with them"));
    unlink(path);
    params_free(a);
    params_free(b);
}

static void a_moving_average_is_the_model(void **state)
{
    (void)state;
    Error err = {0};
    char path[128], model[128];
    path_of(path, "average");
    path_of(model, "average_model");
    ParamStore *a = store_new("out", 3, 1), *b = store_new("out", 3, 2),
               *c = store_new("out", 3, 3);
    CHECK_OK(params_need_slot(a, SLOT_AVERAGE, &err), err);
    float *average = a->slots[SLOT_AVERAGE];
    for (size_t i = 0; i < a->trained_count; i++)
        average[i] = 100 + (float)i;
    CHECK_OK(checkpoint_save(path, a, &STATE, NULL, NULL, &err), err);
    CHECK_OK(model_save(model, a, &(ModelInfo){.network = "some_model"}, &err), err);
    const size_t bytes = a->trained_count * sizeof(float);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(read_model(i == 0 ? path : model, b, NULL, &err), err);
        assert_memory_equal(b->values, average, bytes);
        assert_null(b->slots[SLOT_AVERAGE]);
    }
    TrainState got;
    CHECK_OK(checkpoint_load(path, c, &got, NULL, &err), err);
    assert_memory_equal(c->values, a->values, a->count * sizeof(float));
    assert_memory_equal(c->slots[SLOT_AVERAGE], average, bytes);
    SafeFile *f = NULL;
    CHECK_OK(safetensors_open(path, &f, &err), err);
    assert_non_null(safetensors_find(f, "optimizer.trained.hidden.weight"));
    safetensors_close(f);
    unlink(path);
    unlink(model);
    params_free(a);
    params_free(b);
    params_free(c);
}

static void a_checkpoint_serves_as_a_model(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "both");
    ParamStore *a = store_new("out", 3, 1), *b = store_new("out", 3, 2);
    CHECK_OK(params_need_slot(a, SLOT_MOMENTUM, &err), err);
    CHECK_OK(checkpoint_save(path, a, &STATE, NULL, NULL, &err), err);
    CHECK_OK(read_model(path, b, NULL, &err), err);
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
        CHECK_OK(checkpoint_save(path, a, &STATE, NULL, NULL, &err), err);
        assert_false(checkpoint_load(path, b, &got, NULL, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, CASES[i].message));
        assert_true(b->values[0] == before && got.step == 5);
        params_free(a);
        params_free(b);
    }
    unlink(path);
}

/* Every bit of a whole checkpoint: header length, metadata, tensors' entries, padding, numbers. */
static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "flip");
    ParamStore *a = store_new("out", 3, 1);
    TrainState got;
    CHECK_OK(params_need_slot(a, SLOT_MOMENTUM, &err), err);
    CHECK_OK(checkpoint_save(path, a, &STATE, NULL, NULL, &err), err);
    const int fd = open(path, O_RDWR);
    const off_t size = lseek(fd, 0, SEEK_END);
    assert_true(size > 1000);
    for (off_t at = 0; at < size; at++) {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        for (int bit = 0; bit < 8; bit++) {
            const uint8_t flipped = (uint8_t)(byte ^ 1u << bit);
            assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
            if (checkpoint_load(path, a, &got, NULL, &err))
                fail_msg("bit %d of byte %lld may change", bit, (long long)at);
            assert_int_equal(err.code, ERR_INVALID);
            assert_true(utf8_valid(err.message));
        }
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    CHECK_OK(checkpoint_load(path, a, &got, NULL, &err), err);
    close(fd);
    unlink(path);
    params_free(a);
}

static void a_weight_that_is_no_number_is_refused(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "nan");
    ParamStore *a = store_new("out", 3, 1), *b = store_new("out", 3, 2);
    TrainState got;
    static const struct {
        float number;
        const char *name;
    } CASES[] = {{NAN, "NaN"}, {-INFINITY, "infinite"}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        a->values[a->count - 1] = CASES[i].number;
        CHECK_OK(checkpoint_save(path, a, &STATE, NULL, NULL, &err), err);
        assert_false(checkpoint_load(path, b, &got, NULL, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "a number in tensor out.bias that is "));
        assert_non_null(strstr(err.message, CASES[i].name));
        assert_true(b->values[0] == 2);
    }
    unlink(path);
    params_free(a);
    params_free(b);
}

/* A file that version 0.1.0 wrote. */
static void format_1_is_still_read(void **state)
{
    (void)state;
    Error err = {0};
    ParamStore *a = store_new("out", 3, 5);
    TrainState got;
    CHECK_OK(
        checkpoint_load(TESTS_DIR "/golden/checkpoint_format_1.safetensors", a, &got, NULL, &err),
        err);
    // That version numbered them in the order of the graph.
    size_t i = 0;
    for (int p = 0; p < a->param_count; p++) {
        const Param *param = &a->params[p];
        for (size_t k = param->offset; k < param->offset + param->count; k++, i++)
            assert_true(a->values[k] == 0.1f + (float)i / 3
                        && a->slots[SLOT_MOMENTUM][k] == -(float)i);
    }
    assert_int_equal(i, a->count);
    assert_true(got.step == 101 && got.epoch == 7 && got.batch == 3);
    assert_true(got.epoch_sum.loss == 0x1.23456789abcdep+3 && got.epoch_sum.count == 128);
    assert_true(got.best_accuracy == 0.75 && got.best_epoch == 5);
    assert_string_equal(got.cpu_isa, "avx512_core");
    // What came with format 2, as far as it can be told.
    assert_int_equal(got.best_step, 70);
    assert_true(got.ending.reference == 0.75 && got.ending.idle_epochs == 2);
    assert_true(got.test_sum.count == 0 && got.cpu[0] == '\0');
    params_free(a);
}

/* A file from before format 3. */
static void format_2_is_still_read(void **state)
{
    (void)state;
    Error err = {0};
    ParamStore *a = store_new("out", 3, 5);
    TrainState got;
    CHECK_OK(
        checkpoint_load(TESTS_DIR "/golden/checkpoint_format_2.safetensors", a, &got, NULL, &err),
        err);
    for (size_t i = 0; i < a->count; i++)
        assert_true(a->values[i] == 0.1f + (float)i / 3 && a->slots[SLOT_MOMENTUM][i] == -(float)i);
    TrainState want = STATE;
    want.normalization = (Normalization){0};
    assert_int_equal(got.normalization.channels, 0);
    assert_true(got.step == want.step && got.test_step == want.test_step);
    assert_true(got.ending.seconds == 0.3 && got.last_sum.count == 7);
    params_free(a);
}

static void format_1_keeps_its_checksum(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    uint8_t bytes[4096];
    path_of(path, "format1");
    const size_t size = read_bytes(TESTS_DIR "/golden/checkpoint_format_1.safetensors", bytes);
    bytes[size - 1] ^= 1;
    const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
    ParamStore *a = store_new("out", 3, 1);
    TrainState got;
    assert_false(checkpoint_load(path, a, &got, NULL, &err));
    assert_non_null(strstr(err.message, "is damaged: its checksum does not match"));
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

/* A file of weights from elsewhere: no counters, and a head that is not ours. */
static void weights_from_elsewhere_are_taken(void **state)
{
    (void)state;
    Error err = {0};
    char path[128];
    path_of(path, "elsewhere");
    ParamStore *a = norm_store_new(0.1f), *b = norm_store_new(9);
    SafeTensor tensors[16];
    size_t count = 0;
    for (int i = 0; i < a->param_count; i++) {
        const Param *p = &a->params[i];
        SafeTensor t = {.name = p->name, .dim_count = p->dim_count, .data = a->values + p->offset};
        memcpy(t.dims, p->dims, sizeof t.dims);
        if (p->role != ROLE_COUNTER)
            tensors[count++] = t;
    }
    tensors[count++] =
        (SafeTensor){.name = "aux1.fc.bias", .dims = {2}, .dim_count = 1, .data = a->values};
    CHECK_OK(safetensors_write(path, tensors, count, NULL, 0, &err), err);

    memset(b->counters, 1, b->counter_count * sizeof *b->counters);
    const char *const others[] = {"aux2.", NULL}, *const heads[] = {"aux2.", "aux1.", NULL};
    assert_false(read_model(path, b, others, &err));
    assert_non_null(strstr(err.message, "is of another network: tensor aux1.fc.bias is unknown"));
    assert_true(b->values[0] == 9 && b->counters[0] != 0);
    CHECK_OK(read_model(path, b, heads, &err), err);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
    assert_true(b->counters[0] == 0 && b->counters[1] == 0);
    unlink(path);
    params_free(a);
    params_free(b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_parameters_and_momentum_come_back),
        cmocka_unit_test(statistics_and_counters_come_back),
        cmocka_unit_test(weights_from_elsewhere_are_taken),
        cmocka_unit_test(a_model_file_has_parameters_alone),
        cmocka_unit_test(a_moving_average_is_the_model),
        cmocka_unit_test(a_checkpoint_serves_as_a_model),
        cmocka_unit_test(another_network_is_refused_by_its_tensor),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_weight_that_is_no_number_is_refused),
        cmocka_unit_test(format_1_is_still_read),
        cmocka_unit_test(format_2_is_still_read),
        cmocka_unit_test(format_1_keeps_its_checksum),
        cmocka_unit_test(a_missing_checkpoint_is_not_found),
    };
    return RUN_TESTS(tests);
}
