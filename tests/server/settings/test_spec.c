#include "server/settings/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/models/models.h"
#include "server/base/json/json_text.h"
#include "server/settings/spec_fields.h"
#include "tests/check.h"

static const SpecRules FOLDERS = {.allow_folders = true};
static const SpecRules NO_FOLDERS = {.allow_folders = false};

static bool read_text(const char *text, SpecRules rules, JobSpec *spec, Faults *faults)
{
    Error err = {0};
    cJSON *json = json_parse_text("text", text, strlen(text), &err);
    if (!json)
        fail_msg("%s", err.message);
    *faults = (Faults){0};
    const bool ok = spec_read(json, rules, spec, faults);
    cJSON_Delete(json);
    return ok;
}

static JobSpec read_good(const char *text)
{
    JobSpec spec;
    Faults faults;
    if (!read_text(text, FOLDERS, &spec, &faults))
        fail_msg("%s: %s %s", text, faults.items[0].pointer, faults.items[0].detail);
    return spec;
}

/* Exactly one fault. */
static void check_fault(const char *text, const char *pointer, const char *detail)
{
    JobSpec spec;
    Faults faults;
    if (read_text(text, NO_FOLDERS, &spec, &faults))
        fail_msg("%s was read", text);
    spec_free(&spec);
    if (faults.count != 1)
        print_error("%s: %d faults, the second at %s\n", text, faults.count,
                    faults.items[1].pointer);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, pointer);
    assert_string_equal(faults.items[0].detail, detail);
}

static void nothing_is_the_chapters_run(void **state)
{
    (void)state;
    JobSpec spec = read_good("{}");
    assert_string_equal(spec.name, "");
    assert_string_equal(spec.network->name, "googlenet");
    assert_string_equal(spec.dataset, "fashion_mnist");
    assert_int_equal(spec.image_size, 96);
    assert_int_equal(spec.progressive.from, 0);
    assert_int_equal(spec.epochs, 10);
    assert_int_equal(spec.batch_size, 128);
    assert_true(spec.learning_rate == 0.1);
    assert_int_equal(spec.accumulation, 1);
    assert_int_equal(spec.shards, 1);
    assert_int_equal(spec.ranks, 1);
    assert_int_equal(spec.optimizer.type, OPTIMIZER_SGD);
    assert_true(spec.decay_biases && spec.clip_norm == 0 && spec.ema.decay == 0);
    assert_true(spec.optimizer.momentum == 0 && !spec.optimizer.nesterov
                && spec.optimizer.weight_decay == 0);
    assert_int_equal(spec.schedule.type, SCHEDULE_CONSTANT);
    assert_true(spec.label_smoothing == 0);
    assert_int_equal(spec.class_weights, CLASS_WEIGHTS_NONE);
    assert_true(spec.augmentation.crop_padding == 0 && !spec.augmentation.resized_crop.on);
    assert_true(spec.augmentation.flip == FLIP_NONE && spec.augmentation.mixup == 0);
    assert_true(spec.augmentation.erasing.probability == 0);
    assert_int_equal(spec.normalization, NORMALIZATION_NONE);
    assert_true(spec.mean.count == 0 && spec.std.count == 0);
    assert_int_equal(spec.precision, PRECISION_AUTO);
    assert_true(spec.seed == 0);
    assert_int_equal(spec.threads, 0);
    assert_int_equal(spec.loader_threads, 0);
    assert_int_equal(spec.train_limit, 0);
    assert_int_equal(spec.test_limit, 0);
    assert_true(spec.validation_split == 0);
    assert_true(spec.max_seconds == 0);
    assert_int_equal(spec.early_stopping_patience, 0);
    assert_true(spec.early_stopping_min_delta == 0);
    assert_int_equal(spec.checkpoint_every_epochs, 1);
    assert_true(spec.checkpoint_every_seconds == 0);
    assert_int_equal(spec.checkpoint_keep, 2);
    assert_null(spec.metadata);
    spec_free(&spec);
}

static const char EVERYTHING[] =
    "{\"name\": \"größer\", \"network\": \"googlenet_tiny\", \"dataset\": \"fashion_mnist\","
    " \"image_size\": 64,"
    " \"progressive_resizing\": {\"from\": 32, \"until_epoch\": 2, \"step\": 8},"
    " \"epochs\": 3, \"batch_size\": 17,"
    " \"optimizer\": {\"name\": \"sgd\", \"learning_rate\": 0.30000000000000004,"
    "   \"momentum\": 0.9, \"nesterov\": true, \"weight_decay\": 1e-4},"
    " \"schedule\": {\"type\": \"constant\"}, \"label_smoothing\": 0.1, \"precision\": \"f32\","
    " \"class_weights\": \"balanced\", \"loader_threads\": 7,"
    " \"augmentation\": {\"crop_padding\": 4, \"resized_crop\": true,"
    "   \"resized_crop_scale\": [0.1, 0.9], \"resized_crop_ratio\": [0.5, 2],"
    "   \"flip\": \"alternate\", \"erasing\": 0.25, \"erasing_scale\": [0.05, 0.2],"
    "   \"erasing_ratio\": [1, 1], \"mixup\": 0.2},"
    " \"normalization\": {\"type\": \"given\", \"mean\": [0.286], \"std\": [0.353]},"
    " \"seed\": 9007199254740991, \"threads\": 2, \"train_limit\": 60000, \"test_limit\": 1e3,"
    " \"validation_split\": 0.125,"
    " \"max_seconds\": 1.5, \"early_stopping\": {\"patience\": 4, \"min_delta\": 0.001},"
    " \"checkpoint\": {\"every_epochs\": 0, \"every_seconds\": 30, \"keep\": 7},"
    " \"metadata\": {\"who\": \"me\", \"a/b~c\": \"\"}}";

static void check_everything(const JobSpec *spec)
{
    assert_string_equal(spec->name, "größer");
    assert_string_equal(spec->network->name, "googlenet_tiny");
    assert_int_equal(spec->image_size, 64);
    assert_int_equal(spec->progressive.from, 32);
    assert_int_equal(spec->progressive.until_epoch, 2);
    assert_int_equal(spec->progressive.step, 8);
    assert_int_equal(spec->epochs, 3);
    assert_int_equal(spec->batch_size, 17);
    assert_true(spec->learning_rate == 0.30000000000000004);
    assert_true(spec->optimizer.momentum == 0.9 && spec->optimizer.nesterov
                && spec->optimizer.weight_decay == 1e-4);
    assert_true(spec->label_smoothing == 0.1);
    assert_int_equal(spec->class_weights, CLASS_WEIGHTS_BALANCED);
    assert_int_equal(spec->loader_threads, 7);
    const Augmentation *a = &spec->augmentation;
    assert_true(a->crop_padding == 4 && a->flip == FLIP_ALTERNATE && a->mixup == 0.2);
    assert_true(a->resized_crop.on && a->erasing.probability == 0.25);
    assert_true(a->resized_crop.scale[0] == 0.1 && a->resized_crop.scale[1] == 0.9);
    assert_true(a->resized_crop.ratio[0] == 0.5 && a->resized_crop.ratio[1] == 2);
    assert_true(a->erasing.scale[0] == 0.05 && a->erasing.scale[1] == 0.2);
    assert_true(a->erasing.ratio[0] == 1 && a->erasing.ratio[1] == 1);
    assert_int_equal(spec->normalization, NORMALIZATION_GIVEN);
    assert_true(spec->mean.count == 1 && spec->mean.at[0] == 0.286);
    assert_true(spec->std.count == 1 && spec->std.at[0] == 0.353);
    assert_int_equal(spec->precision, PRECISION_F32);
    assert_true(spec->seed == 9007199254740991u);
    assert_int_equal(spec->threads, 2);
    assert_int_equal(spec->train_limit, 60000);
    assert_int_equal(spec->test_limit, 1000);
    assert_true(spec->validation_split == 0.125);
    assert_int_equal(spec_train_examples(spec, 60000), 52500);
    assert_true(spec->max_seconds == 1.5);
    assert_int_equal(spec->early_stopping_patience, 4);
    assert_true(spec->early_stopping_min_delta == 0.001);
    assert_int_equal(spec->checkpoint_every_epochs, 0);
    assert_true(spec->checkpoint_every_seconds == 30);
    assert_int_equal(spec->checkpoint_keep, 7);
    assert_int_equal(cJSON_GetArraySize(spec->metadata), 2);
    assert_string_equal(cJSON_GetObjectItem(spec->metadata, "who")->valuestring, "me");
}

static void every_field_arrives_and_survives_the_round_trip(void **state)
{
    (void)state;
    JobSpec spec = read_good(EVERYTHING);
    check_everything(&spec);

    cJSON *json = spec_to_json(&spec);
    spec_free(&spec);
    JobSpec again;
    Faults faults = {0};
    assert_true(spec_read(json, NO_FOLDERS, &again, &faults));  // the tree
    check_everything(&again);
    spec_free(&again);

    char *text = cJSON_Print(json);  // and its text
    cJSON_Delete(json);
    again = read_good(text);
    check_everything(&again);
    cJSON *third = spec_to_json(&again);
    char *text_again = cJSON_Print(third);
    assert_string_equal(text, text_again);
    cJSON_free(text);
    cJSON_free(text_again);
    cJSON_Delete(third);
    spec_free(&again);
}

/* Recipes: each field has another value than its default in one of them. */
static const char *const RECIPES[] = {
    ("{\"accumulation\":4,\"shards\":8,\"sync\":true,\"ranks\":4,\"optimizer\":{\"name\":\"adamw\","
     "\"learning_"
     "rate\":0.002,"
     "\"beta1\":0.8,\"beta2\":0.95,\"epsilon\":1e-6,\"weight_decay\":0.05,"
     "\"decay_biases\":false,\"clip_norm\":1.5},\"ema\":{\"decay\":0.99,\"warmup\":true},"
     "\"schedule\":{\"type\":\"cosine\",\"final\":1e-5,\"warmup_epochs\":0.5,"
     "\"warmup_start\":0.1}}"),
    "{\"schedule\":{\"type\":\"step\",\"every_epochs\":2,\"gamma\":0.5}}",
    "{\"schedule\":{\"type\":\"exponential\",\"gamma\":0.75}}",
    "{\"schedule\":{\"type\":\"polynomial\",\"power\":2,\"final\":0.01}}",
    ("{\"schedule\":{\"type\":\"one_cycle\",\"peak_at\":0.25,\"initial_div\":5,\"final_div\":100,"
     "\"linear\":true}}"),
};

static void recipes_arrive(void **state)
{
    (void)state;
    JobSpec spec = read_good(RECIPES[0]);
    TrainConfig c = spec_train_config(&spec);
    assert_int_equal(c.accumulation, 4);
    assert_int_equal(c.shards, 8);
    assert_true(c.sync);
    assert_int_equal(c.optimizer.type, OPTIMIZER_ADAMW);
    assert_true(c.learning_rate == 0.002 && c.optimizer.beta1 == 0.8 && c.optimizer.beta2 == 0.95);
    assert_true(c.optimizer.epsilon == 1e-6 && c.optimizer.weight_decay == 0.05);
    assert_true(c.optimizer.weights_only && c.clip_norm == 1.5);
    assert_true(c.ema.decay == 0.99 && c.ema.warmup);
    assert_int_equal(c.schedule.type, SCHEDULE_COSINE);
    assert_true(c.schedule.final == 1e-5 && c.schedule.warmup_epochs == 0.5);
    assert_true(c.schedule.warmup_start == 0.1);
    spec = read_good(RECIPES[1]);
    assert_int_equal(spec.schedule.type, SCHEDULE_STEP);
    assert_true(spec.schedule.every_epochs == 2 && spec.schedule.gamma == 0.5);
    assert_false(spec_train_config(&spec).optimizer.weights_only);
    spec = read_good(RECIPES[2]);
    assert_int_equal(spec.schedule.type, SCHEDULE_EXPONENTIAL);
    spec = read_good(RECIPES[3]);
    assert_true(spec.schedule.power == 2 && spec.schedule.final == 0.01);
    spec = read_good(RECIPES[4]);
    assert_int_equal(spec.schedule.type, SCHEDULE_ONE_CYCLE);
    assert_true(spec.schedule.peak_at == 0.25 && spec.schedule.initial_div == 5);
    assert_true(spec.schedule.final_div == 100 && spec.schedule.linear);
}

static void recipes_survive_the_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(RECIPES); i++) {
        JobSpec spec = read_good(RECIPES[i]), again;
        cJSON *json = spec_to_json(&spec);
        Faults faults = {0};
        assert_true(spec_read(json, NO_FOLDERS, &again, &faults));
        cJSON *third = spec_to_json(&again);
        assert_true(cJSON_Compare(json, third, true));
        cJSON_Delete(json);
        cJSON_Delete(third);
    }
}

/* A field that the rest of the job has no use for is not silently left out. */
static void what_means_nothing_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *json, *pointer, *detail;
    } faults[] = {
        {"{\"optimizer\":{\"beta1\":0.5}}", "/optimizer/beta1",
         "belongs to optimizer.name \"adamw\", not to \"sgd\""},
        {"{\"optimizer\":{\"name\":\"adamw\",\"momentum\":0.5}}", "/optimizer/momentum",
         "belongs to optimizer.name \"sgd\", not to \"adamw\""},
        {"{\"optimizer\":{\"name\":\"adamw\",\"nesterov\":true}}", "/optimizer/nesterov",
         "belongs to optimizer.name \"sgd\", not to \"adamw\""},
        {"{\"optimizer\":{\"decay_biases\":false}}", "/optimizer/decay_biases",
         "needs optimizer.weight_decay above 0"},
        {"{\"ema\":{\"warmup\":true}}", "/ema/warmup", "needs ema.decay above 0"},
        {"{\"schedule\":{\"gamma\":0.5}}", "/schedule/gamma",
         "belongs to schedule.type \"step\" or \"exponential\", not to \"constant\""},
        {"{\"schedule\":{\"type\":\"one_cycle\",\"warmup_epochs\":1}}", "/schedule/warmup_epochs",
         "belongs to schedule.type \"constant\", \"step\", \"exponential\", \"polynomial\" or "
         "\"cosine\", not to \"one_cycle\""},
        {"{\"schedule\":{\"warmup_start\":0.5}}", "/schedule/warmup_start",
         "needs schedule.warmup_epochs above 0"},
        {"{\"schedule\":{\"type\":\"cosine\",\"final\":0.2}}", "/schedule/final",
         "must be at most optimizer.learning_rate, 0.1, got 0.2"},
        {"{\"epochs\":2,\"schedule\":{\"warmup_epochs\":2}}", "/schedule/warmup_epochs",
         "must be below epochs, 2, got 2"},
        // A choice that is not known, or a number that is none, says nothing of the rest.
        {"{\"optimizer\":{\"name\":\"x\",\"beta1\":0.5}}", "/optimizer/name",
         "must be one of \"sgd\", \"adamw\", got \"x\""},
        {"{\"ema\":{\"decay\":1,\"warmup\":true}}", "/ema/decay",
         "must be at least 0 and below 1, got 1"},
    };
    for (size_t i = 0; i < COUNT(faults); i++)
        check_fault(faults[i].json, faults[i].pointer, faults[i].detail);
    // Its default is no fault, and where it belongs neither.
    JobSpec spec = read_good("{\"optimizer\":{\"beta1\":0.9},\"schedule\":{\"gamma\":0.1}}");
    spec_free(&spec);
}

static void what_a_field_depends_on_is_there(void **state)
{
    (void)state;
    size_t count;
    const Field *fields = spec_fields(&count);
    int dependent = 0;
    for (size_t i = 0; i < count; i++) {
        const Field *by = fields[i].when ? spec_field(fields[i].when) : NULL;
        assert_true(!fields[i].when || by);
        // Those that fill a form come from above.
        assert_true(!by || by < &fields[i]);
        for (size_t v = 0; by && fields[i].when_values[v]; v++) {
            bool found = false;
            for (size_t c = 0; by->kind->choice(by, c); c++)
                found |= strcmp(by->kind->choice(by, c), fields[i].when_values[v]) == 0;
            assert_true(found);
        }
        const Field *need = fields[i].needs ? spec_field(fields[i].needs) : NULL;
        assert_true(!fields[i].needs || need);
        assert_true(!need || need->kind == &FIELD_NUMBER || need->kind == &FIELD_INT
                    || need->kind == &FIELD_BOOL);
        assert_true(!need || need < &fields[i]);
        dependent += fields[i].when || fields[i].needs;
    }
    assert_true(dependent > 10);
}

static void trainer_gets_what_was_asked_for(void **state)
{
    (void)state;
    JobSpec spec = read_good(EVERYTHING);
    const TrainConfig c = spec_train_config(&spec);
    assert_ptr_equal(c.model, spec.network);
    assert_int_equal(c.image_size, 64);
    assert_memory_equal(&c.progressive, &spec.progressive, sizeof c.progressive);
    assert_int_equal(c.epochs, 3);
    assert_int_equal(c.batch_size, 17);
    assert_int_equal(c.train_limit, 60000);
    assert_int_equal(c.test_limit, 1000);
    assert_true(c.validation_split == 0.125);
    assert_true(c.learning_rate == spec.learning_rate);
    assert_true(c.optimizer.momentum == 0.9 && c.optimizer.nesterov
                && c.optimizer.weight_decay == 1e-4);
    assert_true(c.label_smoothing == 0.1);
    assert_int_equal(c.class_weights, CLASS_WEIGHTS_BALANCED);
    assert_int_equal(c.loader_threads, 7);
    assert_memory_equal(&c.augmentation, &spec.augmentation, sizeof c.augmentation);
    assert_int_equal(c.normalization_type, NORMALIZATION_GIVEN);
    assert_int_equal(c.normalization.channels, 1);
    assert_true(c.normalization.mean[0] == 0.286 && c.normalization.deviation[0] == 0.353);
    assert_int_equal(c.precision, PRECISION_F32);
    assert_true(c.seed == spec.seed);
    assert_int_equal(c.threads, 2);
    assert_int_equal(c.checkpoint_every_epochs, 0);
    assert_true(c.checkpoint_every_seconds == 30);
    assert_null(c.dataset);
    assert_null(c.checkpoint_path);
    assert_int_equal(c.resume_count, 0);
    spec_free(&spec);
}

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

static void ends_of_the_ranges_are_allowed(void **state)
{
    (void)state;
    JobSpec spec = read_good(
        "{\"epochs\":100000,\"batch_size\":4096,\"threads\":1024,\"test_limit\":10000,"
        "\"optimizer\":{\"learning_rate\":100,\"momentum\":0.999999,\"weight_decay\":1}}");
    assert_int_equal(spec.batch_size, 4096);
    spec_free(&spec);
    spec = read_good("{\"epochs\":1,\"batch_size\":1,\"label_smoothing\":-0,\"max_seconds\":1e300,"
                     "\"optimizer\":{\"learning_rate\":5e-324}}");
    assert_false(signbit(spec.label_smoothing));
    spec_free(&spec);
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

static void fields_that_need_each_other(void **state)
{
    (void)state;
    check_fault("{\"optimizer\":{\"nesterov\":true}}", "/optimizer/nesterov",
                "needs optimizer.momentum above 0");
    check_fault("{\"progressive_resizing\":{\"from\":97}}", "/progressive_resizing/from",
                "must be 0, or 1 to the image_size, 96, got 97");
    check_fault("{\"network\":\"alexnet\",\"image_size\":224,"
                "\"progressive_resizing\":{\"from\":128}}",
                "/progressive_resizing/from",
                "needs weights that fit every image size; those of alexnet do not");
    check_fault("{\"progressive_resizing\":{\"step\":8}}", "/progressive_resizing/step",
                "needs progressive_resizing.from above 0");
    check_fault("{\"augmentation\":{\"crop_padding\":28}}", "/augmentation/crop_padding",
                "must be 0 to 27 for pictures of 28 x 28, got 28");
    check_fault("{\"normalization\":{\"mean\":[0.5]}}", "/normalization/mean",
                "belongs to normalization.type \"given\", not to \"none\"");
    check_fault("{\"normalization\":{\"type\":\"given\",\"mean\":[0.5]}}", "/normalization/std",
                "must have 1 number, one for each channel, got 0");
    check_fault("{\"normalization\":{\"type\":\"given\",\"mean\":[0.5,0.5],\"std\":[1]}}",
                "/normalization/mean", "must have 1 number, one for each channel, got 2");
    // A model that takes every size has nothing to refuse here.
    const int smallest = model_smallest_image(models_find("googlenet"), 1);
    if (smallest > 1) {
        char text[64], detail[96];
        snprintf(text, sizeof text, "{\"image_size\":%d}", smallest - 1);
        snprintf(detail, sizeof detail, "must be %d to 1024 for googlenet, got %d", smallest,
                 smallest - 1);
        check_fault(text, "/image_size", detail);
    }
    char text[64];
    snprintf(text, sizeof text, "{\"image_size\":%d}", smallest);
    JobSpec spec = read_good(text);
    spec_free(&spec);
}

/* A network that normalises by the batch has nothing to compare a single example with. */
static void a_batch_of_one_is_no_batch_to_normalise_by(void **state)
{
    (void)state;
    check_fault("{\"network\":\"googlenet_bn\",\"batch_size\":1}", "/batch_size",
                "must be 2 or more for googlenet_bn, which normalises by the batch");
    check_fault("{\"network\":\"resnet18\",\"train_limit\":1}", "/train_limit",
                "must be 0, or 2 or more for resnet18, which normalises by the batch");
    JobSpec spec = read_good("{\"network\":\"googlenet_bn\",\"batch_size\":2,\"train_limit\":2}");
    spec_free(&spec);
    spec = read_good("{\"network\":\"googlenet\",\"batch_size\":1,\"train_limit\":1}");
    spec_free(&spec);
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

static void blocks_have_the_channels_that_a_job_gives(void **state)
{
    (void)state;
    JobSpec spec =
        read_good("{\"blocks\":{\"2.0\":[1,[2,3],[4,5],6],\"4.1\":[7,[8,9],[10,11],4096]}}");
    const Inception want = {1, {2, 3}, {4, 5}, 6};
    assert_int_equal(spec.blocks.count, 2);
    assert_memory_equal(&block_find(&spec.blocks, "2.0")->channels, &want, sizeof want);
    assert_int_equal(block_find(&spec.blocks, "4.1")->channels.c4, 4096);
    cJSON *json = spec_to_json(&spec);
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(json, "blocks"));
    assert_string_equal(text, "{\"2.0\":[1,[2,3],[4,5],6],\"4.1\":[7,[8,9],[10,11],4096]}");
    cJSON_free(text);
    cJSON_Delete(json);
    const TrainConfig train = spec_train_config(&spec);
    assert_memory_equal(&train.blocks, &spec.blocks, sizeof spec.blocks);
    Graph *g = spec_graph(&spec, (Shape){1, 96, 96}, 10, NULL);
    assert_int_equal(graph_shape(g, graph_find(g, "4.2")).channels, 7 + 9 + 11 + 4096);
    graph_free(g);
    spec_free(&spec);
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
        cmocka_unit_test(blocks_have_the_channels_that_a_job_gives),
        cmocka_unit_test(wrong_blocks_are_named),
        cmocka_unit_test(nothing_is_the_chapters_run),
        cmocka_unit_test(every_field_arrives_and_survives_the_round_trip),
        cmocka_unit_test(recipes_arrive),
        cmocka_unit_test(recipes_survive_the_round_trip),
        cmocka_unit_test(what_means_nothing_is_refused),
        cmocka_unit_test(what_a_field_depends_on_is_there),
        cmocka_unit_test(trainer_gets_what_was_asked_for),
        cmocka_unit_test(numbers_out_of_range),
        cmocka_unit_test(ends_of_the_ranges_are_allowed),
        cmocka_unit_test(networks_are_named),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(names_have_a_length),
        cmocka_unit_test(unknown_fields_and_hints),
        cmocka_unit_test(a_field_given_twice),
        cmocka_unit_test(fields_that_need_each_other),
        cmocka_unit_test(a_batch_of_one_is_no_batch_to_normalise_by),
        cmocka_unit_test(folders_only_where_they_are_allowed),
        cmocka_unit_test(metadata_is_small_and_flat),
        cmocka_unit_test(all_faults_are_named_at_once),
        cmocka_unit_test(more_faults_than_are_kept),
    };
    return RUN_TESTS(tests);
}
