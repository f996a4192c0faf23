/* tests/server/settings/test_spec_faults.c -- each field refuses what it cannot be, and says so
 * under its own name. */
#include <stdio.h>

#include "core/models/models.h"
#include "tests/check.h"
#include "tests/server/settings/spec_fixture.h"

static void numbers_out_of_range(void **state)
{
    (void)state;
    const struct {
        const char *json, *pointer, *detail;
    } faults[] = {
        {"{\"epochs\":0}", "/epochs", "must be 1 to 100000, got 0"},
        {"{\"epochs\":100001}", "/epochs", "must be 1 to 100000, got 100001"},
        {"{\"batch_size\":0}", "/batch_size", "must be 1 to 4096, got 0"},
        {"{\"batch_size\":4097}", "/batch_size", "must be 1 to 4096, got 4097"},
        {"{\"batch_size\":-1e300}", "/batch_size", "must be 1 to 4096, got -1e+300"},
        {"{\"image_size\":0}", "/image_size", "must be 1 to 1024, got 0"},
        {"{\"image_size\":1025}", "/image_size", "must be 1 to 1024, got 1025"},
        {"{\"optimizer\":{\"learning_rate\":0}}", "/optimizer/learning_rate",
         "must be above 0 and at most 100, got 0"},
        {"{\"optimizer\":{\"learning_rate\":100.5}}", "/optimizer/learning_rate",
         "must be above 0 and at most 100, got 100.5"},
        {"{\"optimizer\":{\"momentum\":1}}", "/optimizer/momentum",
         "must be at least 0 and below 1, got 1"},
        {"{\"optimizer\":{\"momentum\":-0.5}}", "/optimizer/momentum",
         "must be at least 0 and below 1, got -0.5"},
        {"{\"optimizer\":{\"weight_decay\":2}}", "/optimizer/weight_decay",
         "must be 0 to 1, got 2"},
        {"{\"accumulation\":0}", "/accumulation", "must be 1 to 1024, got 0"},
        {"{\"shards\":65}", "/shards", "must be 1 to 64, got 65"},
        {"{\"ranks\":0}", "/ranks", "must be 1 to 64, got 0"},
        {"{\"ranks\":2}", "/ranks", "must divide shards, 1, got 2"},
        {"{\"ranks\":4,\"shards\":6}", "/ranks", "must divide shards, 6, got 4"},
        {"{\"shards\":8,\"batch_size\":7}", "/shards",
         "must be at most 7 for batches of 7, with 1 example in each, got 8"},
        {"{\"shards\":8,\"batch_size\":15,\"network\":\"resnet18\"}", "/shards",
         "must be at most 7 for batches of 15, with 2 examples in each, got 8"},
        {"{\"shards\":8,\"batch_size\":7,\"network\":\"resnet18\",\"sync\":true}", "/shards",
         "must be at most 7 for batches of 7, with 1 example in each, got 8"},
        {"{\"optimizer\":{\"clip_norm\":-1}}", "/optimizer/clip_norm",
         "must be at least 0, got -1"},
        {"{\"schedule\":{\"type\":\"step\",\"gamma\":0}}", "/schedule/gamma",
         "must be above 0 and at most 1, got 0"},
        {"{\"label_smoothing\":1}", "/label_smoothing", "must be at least 0 and below 1, got 1"},
        {"{\"augmentation\":{\"crop_padding\":-1}}", "/augmentation/crop_padding",
         "must be 0 to 256, got -1"},
        {"{\"augmentation\":{\"erasing\":1.5}}", "/augmentation/erasing",
         "must be 0 to 1, got 1.5"},
        {"{\"augmentation\":{\"mixup\":101}}", "/augmentation/mixup", "must be 0 to 100, got 101"},
        {"{\"augmentation\":{\"erasing_scale\":[0,0.5]}}", "/augmentation/erasing_scale",
         "must be an array of two numbers above 0 and at most 1, the smaller one first, got an "
         "array"},
        {"{\"augmentation\":{\"erasing_scale\":[0.6,0.5]}}", "/augmentation/erasing_scale",
         "must be an array of two numbers above 0 and at most 1, the smaller one first, got an "
         "array"},
        {"{\"augmentation\":{\"resized_crop_ratio\":[1,101]}}", "/augmentation/resized_crop_ratio",
         "must be an array of two numbers above 0 and at most 100, the smaller one first, got an "
         "array"},
        {"{\"normalization\":{\"type\":\"given\",\"mean\":[0.5],\"std\":[0]}}",
         "/normalization/std",
         "must be an array of up to 4 numbers above 0 and at most 1, got an array"},
        {"{\"seed\":-1}", "/seed", "must be 0 to 9007199254740991, got -1"},
        {"{\"seed\":9007199254740992}", "/seed",
         "must be 0 to 9007199254740991, got 9007199254740992"},
        {"{\"seed\":1e999}", "/seed",
         "must be 0 to 9007199254740991, got a number beyond all range"},
        {"{\"threads\":1025}", "/threads", "must be 0 to 1024, got 1025"},
        {"{\"validation_split\":0.51}", "/validation_split", "must be 0 to 0.5, got 0.51"},
        {"{\"validation_split\":-0.1}", "/validation_split", "must be 0 to 0.5, got -0.1"},
        {"{\"validation_split\":0.001,\"train_limit\":100}", "/validation_split",
         "0.001 holds none of 100 examples out"},
        {"{\"train_limit\":-1}", "/train_limit", "must be 0 to 2147483647, got -1"},
        {"{\"train_limit\":60001}", "/train_limit",
         "must be 0 to 60000, the images that fashion_mnist has, got 60001"},
        {"{\"test_limit\":10001}", "/test_limit",
         "must be 0 to 10000, the images that fashion_mnist has, got 10001"},
        {"{\"max_seconds\":-0.5}", "/max_seconds", "must be at least 0, got -0.5"},
        {"{\"max_seconds\":1e400}", "/max_seconds",
         "must be at least 0, got a number beyond all range"},
        {"{\"early_stopping\":{\"patience\":-1}}", "/early_stopping/patience",
         "must be 0 to 100000, got -1"},
        {"{\"early_stopping\":{\"min_delta\":-1}}", "/early_stopping/min_delta",
         "must be 0 to 1, got -1"},
        {"{\"checkpoint\":{\"every_epochs\":-1}}", "/checkpoint/every_epochs",
         "must be 0 to 100000, got -1"},
        {"{\"checkpoint\":{\"every_seconds\":-1}}", "/checkpoint/every_seconds",
         "must be at least 0, got -1"},
        {"{\"checkpoint\":{\"keep\":0}}", "/checkpoint/keep", "must be 1 to 100, got 0"},
        {"{\"checkpoint\":{\"keep\":101}}", "/checkpoint/keep", "must be 1 to 100, got 101"},
    };
    for (size_t i = 0; i < COUNT(faults); i++)
        check_fault(faults[i].json, faults[i].pointer, faults[i].detail);
}

/* The networks are those of the table: a new one changes nothing here. */
static void networks_are_named(void **state)
{
    (void)state;
    char known[512] = "must be one of ", detail[600];
    size_t count;
    const Model *models = models_table(&count);
    for (size_t i = 0; i < count; i++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "", models[i].name);
    }
    snprintf(detail, sizeof detail, "%s, got \"x\"", known);
    check_fault("{\"network\":\"x\"}", "/network", detail);
    snprintf(detail, sizeof detail, "%s, got 7", known);
    check_fault("{\"network\":7}", "/network", detail);
}

static void wrong_types(void **state)
{
    (void)state;
    const struct {
        const char *json, *pointer, *detail;
    } faults[] = {
        {"[]", "", "must be an object, got an array"},
        {"null", "", "must be an object, got null"},
        {"\"x\"", "", "must be an object, got \"x\""},
        {"{\"epochs\":1.5}", "/epochs", "must be a whole number, got 1.5"},
        {"{\"epochs\":\"3\"}", "/epochs", "must be a whole number, got \"3\""},
        {"{\"epochs\":null}", "/epochs", "must be a whole number, got null"},
        {"{\"epochs\":[3]}", "/epochs", "must be a whole number, got an array"},
        {"{\"seed\":0.5}", "/seed", "must be a whole number, got 0.5"},
        {"{\"augmentation\":{\"resized_crop_scale\":0.5}}", "/augmentation/resized_crop_scale",
         "must be an array of two numbers above 0 and at most 1, the smaller one first, got 0.5"},
        {"{\"augmentation\":{\"resized_crop_scale\":[0.5]}}", "/augmentation/resized_crop_scale",
         "must be an array of two numbers above 0 and at most 1, the smaller one first, got an "
         "array"},
        {"{\"augmentation\":{\"resized_crop_scale\":[0.5,\"1\"]}}",
         "/augmentation/resized_crop_scale",
         "must be an array of two numbers above 0 and at most 1, the smaller one first, got an "
         "array"},
        {"{\"normalization\":{\"mean\":[1,1,1,1,1]}}", "/normalization/mean",
         "must be an array of up to 4 numbers at least 0 and at most 1, got an array"},
        {"{\"augmentation\":{\"flip\":true}}", "/augmentation/flip",
         "must be one of \"none\", \"random\", \"alternate\", got true"},
        {"{\"label_smoothing\":true}", "/label_smoothing", "must be a number, got true"},
        {"{\"optimizer\":{\"nesterov\":1}}", "/optimizer/nesterov", "must be true or false, got 1"},
        {"{\"optimizer\":\"sgd\"}", "/optimizer", "must be an object, got \"sgd\""},
        {"{\"checkpoint\":null}", "/checkpoint", "must be an object, got null"},
        {"{\"optimizer\":{\"name\":\"adam\"}}", "/optimizer/name",
         "must be one of \"sgd\", \"adamw\", got \"adam\""},
        {"{\"schedule\":{\"type\":{}}}", "/schedule/type",
         "must be one of \"constant\", \"step\", \"exponential\", \"polynomial\", \"cosine\", "
         "\"one_cycle\", got an object"},
        {"{\"precision\":\"f16\"}", "/precision",
         "must be one of \"auto\", \"f32\", \"bf16\", got \"f16\""},
        {"{\"name\":7}", "/name", "must be a string of at most 128 bytes, got 7"},
        {"{\"name\":\"a\\u0007b\"}", "/name", "must be free of control characters, got \"a?b\""},
    };
    for (size_t i = 0; i < COUNT(faults); i++)
        check_fault(faults[i].json, faults[i].pointer, faults[i].detail);
}

static void names_have_a_length(void **state)
{
    (void)state;
    char text[200];
    snprintf(text, sizeof text, "{\"name\":\"%0128d\"}", 7);
    JobSpec spec = read_good(text);
    assert_int_equal(strlen(spec.name), 128);
    spec_free(&spec);
    snprintf(text, sizeof text, "{\"name\":\"%0129d\"}", 7);
    check_fault(text, "/name",
                "must be a string of at most 128 bytes, got "
                "\"000000000000000000000000000000000000000000000000...\"");
}

static void unknown_fields_and_hints(void **state)
{
    (void)state;
    const struct {
        const char *json, *pointer, *detail;
    } faults[] = {
        {"{\"batchsize\":1}", "/batchsize", "is not a known field; did you mean \"batch_size\"?"},
        {"{\"schedule\":{\"name\":\"step\"}}", "/schedule/name", "is not a known field"},
        {"{\"Epochs\":1}", "/Epochs", "is not a known field; did you mean \"epochs\"?"},
        {"{\"optimizer\":{\"momentun\":0}}", "/optimizer/momentun",
         "is not a known field; did you mean \"optimizer.momentum\"?"},
        {"{\"learning_rate\":0.1}", "/learning_rate",
         "is not a known field; did you mean \"optimizer.learning_rate\"?"},
        {"{\"checkpoint\":{\"epochs\":1}}", "/checkpoint/epochs",
         "is not a known field; did you mean \"epochs\"?"},
        {"{\"dropout\":0.5}", "/dropout", "is not a known field"},
        {"{\"optimizer/momentum\":0.5}", "/optimizer~1momentum", "is not a known field"},
        {"{\"a~b\":0}", "/a~0b", "is not a known field"},
        {"{\"\":0}", "/", "is not a known field"},
        {"{\"\\u001b[2J\":0}", "/?[2J", "is not a known field"},
    };
    for (size_t i = 0; i < COUNT(faults); i++)
        check_fault(faults[i].json, faults[i].pointer, faults[i].detail);
}

static void a_field_given_twice(void **state)
{
    (void)state;
    check_fault("{\"epochs\":1,\"epochs\":1}", "/epochs", "is given twice");
    check_fault("{\"optimizer\":{\"momentum\":0,\"momentum\":0}}", "/optimizer/momentum",
                "is given twice");
    check_fault("{\"optimizer\":{},\"optimizer\":{}}", "/optimizer", "is given twice");
    check_fault("{\"metadata\":{\"a\":\"\",\"a\":\"\"}}", "/metadata/a", "is given twice");
}

static void folders_only_where_they_are_allowed(void **state)
{
    (void)state;
    check_fault("{\"dataset\":\"/etc\"}", "/dataset",
                "must be one of \"fashion_mnist\", \"mnist\", got \"/etc\"");
    JobSpec spec = read_good("{\"dataset\":\"./my set\",\"train_limit\":70000}");
    assert_string_equal(spec.dataset, "./my set");
    spec_free(&spec);
    Faults faults;
    assert_false(read_text("{\"dataset\":\"cifar\"}", FOLDERS, &spec, &faults));
    assert_string_equal(
        faults.items[0].detail,
        "must be one of \"fashion_mnist\", \"mnist\" or the path of a folder, with a slash, got "
        "\"cifar\"");
    spec_free(&spec);
}

static void metadata_is_small_and_flat(void **state)
{
    (void)state;
    check_fault("{\"metadata\":[]}", "/metadata", "must be an object of strings, got an array");
    check_fault("{\"metadata\":{\"a/b\":1}}", "/metadata/a~1b", "must be a string, got 1");

    char text[1024] = "{\"metadata\":{";
    for (int i = 0; i < 17; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"k%d\":\"\"", i ? "," : "",
                 i);
    strcat(text, "}}");
    check_fault(text, "/metadata", "must have at most 16 entries, got 17");

    snprintf(text, sizeof text, "{\"metadata\":{\"k\":\"%0513d\"}}", 1);
    check_fault(text, "/metadata/k", "must be at most 512 bytes, got 513");
    snprintf(text, sizeof text, "{\"metadata\":{\"%064d\":\"%0512d\"}}", 1, 1);
    JobSpec spec = read_good(text);
    assert_int_equal(cJSON_GetArraySize(spec.metadata), 1);
    spec_free(&spec);

    char pointer[96];
    snprintf(pointer, sizeof pointer, "/metadata/%065d", 1);
    snprintf(text, sizeof text, "{\"metadata\":{\"%065d\":\"\"}}", 1);
    check_fault(text, pointer, "must have a key of at most 64 bytes, got 65");
}

static void all_faults_are_named_at_once(void **state)
{
    (void)state;
    JobSpec spec;
    Faults faults;
    assert_false(
        read_text("{\"epochs\":0,\"optimizer\":{\"momentum\":2,\"lr\":1},\"network\":\"x\","
                  "\"seed\":0.5,\"metadata\":{\"a\":1,\"b\":2},\"image_size\":7}",
                  NO_FOLDERS, &spec, &faults));
    const char *pointers[] = {"/epochs", "/optimizer/momentum", "/optimizer/lr", "/network",
                              "/seed",   "/metadata/a",         "/metadata/b"};
    assert_int_equal(faults.count, COUNT(pointers));
    for (size_t i = 0; i < COUNT(pointers); i++)
        assert_string_equal(faults.items[i].pointer, pointers[i]);
    spec_free(&spec);
}

static void more_faults_than_are_kept(void **state)
{
    (void)state;
    enum { MEMBERS = 1024 };  // as many as an object may have
    char *text = xcalloc(MEMBERS, 12);
    char *at = text + sprintf(text, "{\"k\":0");
    for (int i = 0; i < MEMBERS - 1; i++)
        at += sprintf(at, ",\"k%05d\":0", i);
    strcpy(at, "}");
    JobSpec spec;
    Faults faults;
    assert_false(read_text(text, NO_FOLDERS, &spec, &faults));
    assert_int_equal(faults.count, MEMBERS);
    assert_string_equal(faults.items[FAULTS_MAX - 1].pointer, "/k00062");
    spec_free(&spec);
    free(text);
}

static void wrong_blocks_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *blocks, *pointer, *detail;
    } FAULTS[] = {
        {"[]", "/blocks", "must be an object of blocks by name, got an array"},
        {"{\"2.0\":[64,[96,128],[16,32]]}", "/blocks/2.0",
         "must be channels like [64, [96, 128], [16, 32], 32], got an array"},
        {"{\"2.0\":[64,96,[16,32],32]}", "/blocks/2.0",
         "must be channels like [64, [96, 128], [16, 32], 32], got an array"},
        {"{\"2.0\":[64,[96,128,1],[16,32],32]}", "/blocks/2.0",
         "must be channels like [64, [96, 128], [16, 32], 32], got an array"},
        {"{\"2.0\":7}", "/blocks/2.0",
         "must be channels like [64, [96, 128], [16, 32], 32], got 7"},
        {"{\"2.0\":[64,[0,128],[16,32],32]}", "/blocks/2.0/1/0", "must be 1 to 4096, got 0"},
        {"{\"2.0\":[64,[96,128],[16,4097],32]}", "/blocks/2.0/2/1", "must be 1 to 4096, got 4097"},
        {"{\"2.0\":[\"x\",[96,128],[16,32],32]}", "/blocks/2.0/0",
         "must be a whole number, got \"x\""},
        {"{\"2.0\":[64,[96,128],[16,32],1.5]}", "/blocks/2.0/3", "must be a whole number, got 1.5"},
        {"{\"2.0\":[1,[1,1],[1,1],1],\"2.0\":[1,[1,1],[1,1],1]}", "/blocks/2.0", "is given twice"},
        {"{\"a/b\":[1,[1,1],[1,1],1]}", "/blocks/a~1b",
         "is not a block of googlenet; those are 2.0, 2.1, 3.0, 3.1, 3.2, 3.3, 3.4, 4.0, 4.1"},
        {"{\"a name beyond fifteen\":[1,[1,1],[1,1],1]}", "/blocks/a name beyond fifteen",
         "is not the name of a block"},
    };
    for (size_t i = 0; i < COUNT(FAULTS); i++) {
        char job[256];
        snprintf(job, sizeof job, "{\"blocks\":%s}", FAULTS[i].blocks);
        check_fault(job, FAULTS[i].pointer, FAULTS[i].detail);
    }
    check_fault("{\"network\":\"alexnet\",\"blocks\":{\"2.0\":[1,[1,1],[1,1],1]}}", "/blocks/2.0",
                "means nothing: alexnet has no such blocks");
    JobSpec spec;
    Faults faults;
    assert_false(read_text("{\"blocks\":{\"2.0\":[0,[1,1],[1,-1],1],\"9\":[1,[1,1],[1,1],1]}}",
                           NO_FOLDERS, &spec, &faults));
    assert_int_equal(faults.count, 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_blocks_are_named),
        cmocka_unit_test(numbers_out_of_range),
        cmocka_unit_test(networks_are_named),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(names_have_a_length),
        cmocka_unit_test(unknown_fields_and_hints),
        cmocka_unit_test(a_field_given_twice),
        cmocka_unit_test(folders_only_where_they_are_allowed),
        cmocka_unit_test(metadata_is_small_and_flat),
        cmocka_unit_test(all_faults_are_named_at_once),
        cmocka_unit_test(more_faults_than_are_kept),
    };
    return RUN_TESTS(tests);
}
