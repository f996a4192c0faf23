/* tests/server/settings/test_spec_dependencies.c -- fields that mean something only with others,
 * and values that others bound. */
#include <stdio.h>

#include "core/models/models.h"
#include "server/settings/spec_fields.h"
#include "tests/check.h"
#include "tests/server/settings/spec_fixture.h"

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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_nothing_is_refused),
        cmocka_unit_test(what_a_field_depends_on_is_there),
        cmocka_unit_test(fields_that_need_each_other),
        cmocka_unit_test(a_batch_of_one_is_no_batch_to_normalise_by),
    };
    return RUN_TESTS(tests);
}
