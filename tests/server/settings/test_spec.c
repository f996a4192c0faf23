/* tests/server/settings/test_spec.c -- what a job asks for arrives in its settings and in the
 * trainer, and comes back the same from their JSON. */
#include "core/models/models.h"
#include "server/settings/spec.h"
#include "tests/check.h"
#include "tests/server/settings/spec_fixture.h"

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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_have_the_channels_that_a_job_gives),
        cmocka_unit_test(nothing_is_the_chapters_run),
        cmocka_unit_test(every_field_arrives_and_survives_the_round_trip),
        cmocka_unit_test(recipes_arrive),
        cmocka_unit_test(recipes_survive_the_round_trip),
        cmocka_unit_test(trainer_gets_what_was_asked_for),
        cmocka_unit_test(ends_of_the_ranges_are_allowed),
    };
    return RUN_TESTS(tests);
}
