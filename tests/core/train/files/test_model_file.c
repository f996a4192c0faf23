/* tests/core/train/files/test_model_file.c -- a model file says what it is, and what it does not
 * say is told. */
#include "core/train/files/model_file.h"

#include <stdio.h>
#include <unistd.h>

#include "core/train/files/checkpoint.h"
#include "core/train/init.h"
#include "tests/check.h"

static const char *const NAMES[] = {"coat", "\"bag\", a", "Hemd \xc3\xa4"};
static const ModelInfo TINY = {
    .network = "googlenet_tiny",
    .channels = 3,
    .image_size = 32,
    .classes = 3,
    .class_names = NAMES,
    .normalization = {3, {0.1, 0.2, 0.3}, {0.5, 0.6, 0.7}},
    .precision = PRECISION_F32,
    .picture = {.channels = 3, .size = 40, .fit = FIT_PAD, .filter = FILTER_BICUBIC},
    .dataset = "clothes",
    .dataset_digest = "abc",
};

static const char *file_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/test_model_file.%d", getpid());
    return path;
}

/* Parameters of the network that `info` is of, drawn by a seed. */
static ParamStore *some_params(const ModelInfo *info)
{
    Error err = {0};
    const Model *model = models_find(info->network);
    const ModelOptions options = {.classes = info->classes, .blocks = &info->blocks};
    Graph *g = model_graph_with(model, (Shape){info->channels, info->image_size, info->image_size},
                                options, &err);
    ParamStore *params = NULL;
    assert_non_null(g);
    CHECK_OK(params_new(g, &params, &err), err);
    init_params(params, init_rule(model->weights), 5);
    graph_free(g);
    return params;
}

static void check_equal(const ModelInfo *got, const ModelInfo *want)
{
    assert_string_equal(got->network, want->network);
    assert_int_equal(got->channels, want->channels);
    assert_int_equal(got->image_size, want->image_size);
    assert_int_equal(got->classes, want->classes);
    for (int i = 0; want->class_names && i < want->classes; i++)
        assert_string_equal(got->class_names[i], want->class_names[i]);
    assert_int_equal(got->blocks.count, want->blocks.count);
    for (int i = 0; i < want->blocks.count; i++) {
        assert_string_equal(got->blocks.items[i].name, want->blocks.items[i].name);
        assert_memory_equal(&got->blocks.items[i].channels, &want->blocks.items[i].channels,
                            sizeof(Inception));
    }
    char got_text[NORMALIZATION_TEXT], want_text[NORMALIZATION_TEXT];
    normalization_to_text(&got->normalization, got_text);
    normalization_to_text(&want->normalization, want_text);
    assert_string_equal(got_text, want_text);
    assert_int_equal(got->precision, want->precision);
    assert_memory_equal(&got->picture, &want->picture, sizeof got->picture);
    assert_string_equal(got->dataset ? got->dataset : "", want->dataset ? want->dataset : "");
    assert_string_equal(got->dataset_digest ? got->dataset_digest : "",
                        want->dataset_digest ? want->dataset_digest : "");
}

/* What is told of one tensor after the other. */
typedef struct {
    char text[1000];
} Told;

static void tell(void *context, const char *tensor, const char *fault)
{
    Told *told = context;
    const size_t used = strlen(told->text);
    snprintf(told->text + used, sizeof told->text - used, "%s: %s\n", tensor, fault);
}

static void every_tensor_that_does_not_fit_is_told(void **state)
{
    (void)state;
    Error err = {0};
    ModelInfo other = TINY;
    SafeFile *f;
    Told told = {""};
    other.classes = 4;
    other.channels = 1;
    ParamStore *params = some_params(&TINY), *wanted = some_params(&other);
    CHECK_OK(model_save(file_path(), params, &TINY, &err), err);
    CHECK_OK(safetensors_open(file_path(), &f, &err), err);
    assert_int_equal(model_compare(f, params, NULL, tell, &told), 0);
    assert_string_equal(told.text, "");
    const char *const first = wanted->params[0].name;
    const char *const last = wanted->params[wanted->param_count - 1].name;
    assert_int_equal(model_compare(f, wanted, NULL, tell, &told), 3);
    assert_memory_equal(told.text, first, strlen(first));
    assert_non_null(strstr(told.text, last));
    assert_non_null(strstr(told.text, "is 3, not 4\n"));
    safetensors_close(f);
    params_free(params);
    params_free(wanted);
    unlink(file_path());
}

static void a_file_says_what_it_is(void **state)
{
    (void)state;
    Error err = {0};
    ModelInfo narrow = {.network = "googlenet_bn", .channels = 1, .image_size = 64, .classes = 7};
    narrow.blocks = (BlockList){{{"2.0", {8, {9, 10}, {11, 12}, 13}}}, 1};
    const ModelInfo *infos[] = {&TINY, &narrow};
    for (size_t i = 0; i < COUNT(infos); i++) {
        ParamStore *params = some_params(infos[i]);
        ModelFile m;
        CHECK_OK(model_save(file_path(), params, infos[i], &err), err);
        CHECK_OK(model_file_open(file_path(), &(ModelHints){0}, &m, &err), err);
        check_equal(&m.info, infos[i]);
        assert_false(m.assumed_size);
        assert_string_equal(m.model->name, infos[i]->network);
        assert_int_equal(m.params->count, params->count);
        assert_memory_equal(m.params->values, params->values, params->count * sizeof(float));
        model_file_close(&m);
        params_free(params);
    }
    unlink(file_path());
}

static void a_checkpoint_says_it_too(void **state)
{
    (void)state;
    Error err = {0};
    ParamStore *params = some_params(&TINY);
    TrainState s = train_state_start();
    s.normalization = TINY.normalization;
    snprintf(s.precision, sizeof s.precision, "f32");
    CHECK_OK(checkpoint_save(file_path(), params, &s, NULL, &TINY, &err), err);
    ModelFile m;
    CHECK_OK(model_file_open(file_path(), &(ModelHints){0}, &m, &err), err);
    check_equal(&m.info, &TINY);
    model_file_close(&m);
    params_free(params);
    unlink(file_path());
}

/* As PyTorch saves weights: channels and classes show in the tensors. */
static void hints_and_tensors_say_what_the_file_does_not(void **state)
{
    (void)state;
    Error err = {0};
    ParamStore *params = some_params(&TINY);
    ModelFile m;
    CHECK_OK(model_save(file_path(), params, &(ModelInfo){0}, &err), err);
    CHECK_OK(model_file_open(file_path(), &(ModelHints){.network = "googlenet_tiny"}, &m, &err),
             err);
    assert_int_equal(m.info.channels, 3);
    assert_int_equal(m.info.classes, 3);
    assert_int_equal(m.info.image_size, m.model->image_size);
    assert_true(m.assumed_size);
    model_file_close(&m);
    const ModelHints other_size = {.network = "googlenet_tiny", .image_size = 48};
    CHECK_OK(model_file_open(file_path(), &other_size, &m, &err), err);
    assert_int_equal(graph_shape(m.graph, 0).height, 48);
    assert_false(m.assumed_size);
    model_file_close(&m);
    params_free(params);
    unlink(file_path());
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    ParamStore *params = some_params(&TINY);
    const ModelInfo nothing = {0}, unknown = {.network = "no_such"};
    const struct {
        const ModelInfo *info;
        ModelHints hints;
        const char *message;  // behind the path
    } cases[] = {
        {&nothing, {0}, " does not say which network its weights are of: name it (--network)"},
        {&TINY, {.network = "nin"}, " is of the network googlenet_tiny, not nin"},
        {&TINY, {.classes = 4}, " is of a network with 3 classes, not 4"},
        {&TINY, {.channels = 1}, " is of a network with 3 channels, not 1"},
        {&unknown, {0}, " is of the network no_such, and there is none of that name"},
        {&nothing,
         {.network = "googlenet_tiny", .classes = 4},
         " is of another network: tensor 3.weight is 3x96, not 4x96; tensor 3.bias is 3, not 4"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        Error err = {0};
        ModelFile m;
        CHECK_OK(model_save(file_path(), params, cases[i].info, &err), err);
        char *want = xasprintf("%s%s", file_path(), cases[i].message);
        CHECK_REFUSED(model_file_open(file_path(), &cases[i].hints, &m, &err), err, ERR_INVALID,
                      want);
        free(want);
    }
    params_free(params);
    unlink(file_path());
}

static void damaged_fields_are_named(void **state)
{
    (void)state;
    static const SafeMeta FAULTS[] = {
        {"channels", "three"},
        {"channels", "0"},
        {"image_size", "1e3"},
        {"classes", "99999999999999999999"},
        {"class_names", "[]"},
        {"class_names", "[\"a\",1]"},
        {"class_names", "{"},
        {"blocks", "[]"},
        {"blocks", "{\"2.0\":[1,[2,3],[4,5]]}"},
        {"blocks", "{\"2.0\":[1,[2,3],[4,5.5],6]}"},
        {"blocks", "{\"a name that is too long\":[1,[2,3],[4,5],6]}"},
        {"normalization", "{}"},
        {"precision", "f16"},
        {"picture_size", "96"},  // and no channels
        {"fit", "squeeze"},
        {"filter", "nearest"},
    };
    for (size_t i = 0; i < COUNT(FAULTS); i++) {
        Error err = {0};
        SafeFile *f = NULL;
        ModelInfo info;
        CHECK_OK(safetensors_write(file_path(), NULL, 0, &FAULTS[i], 1, &err), err);
        CHECK_OK(safetensors_open(file_path(), &f, &err), err);
        char *want = xasprintf("x is damaged: its %s is %s", FAULTS[i].key, FAULTS[i].value);
        CHECK_REFUSED(model_info_from_meta(f, "x", &info, &err), err, ERR_INVALID, want);
        free(want);
        safetensors_close(f);
    }
    unlink(file_path());
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tensor_that_does_not_fit_is_told),
        cmocka_unit_test(a_file_says_what_it_is),
        cmocka_unit_test(a_checkpoint_says_it_too),
        cmocka_unit_test(hints_and_tensors_say_what_the_file_does_not),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(damaged_fields_are_named),
    };
    return RUN_TESTS(tests);
}
