/* DESIGN  The table in spec_table.c is the one place that knows the fields. Reading sets the
 * defaults, walks the JSON once and looks each key up in the table; then it checks what concerns
 * two fields together. Nothing of a faulty spec is used, so a field with a fault just keeps its
 * default.
 */
#include "server/settings/spec.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/settings/spec_fields.h"

/* ---- Reading ---- */

static void unknown_field(const char *group, const char *pointer, const char *key, Faults *faults)
{
    // A body may have a million unknown keys: search a hint only for the faults that are kept.
    const Field *hint = faults->count < FAULTS_MAX ? field_hint(group, key) : NULL;
    char path[FIELD_PATH] = "";
    if (hint)
        field_path(hint->pointer, path);
    if (hint)
        faults_add(faults, pointer, "is not a known field; did you mean \"%s\"?", path);
    else
        faults_add(faults, pointer, "is not a known field");
}

/* The fields of one object: the whole job (group "") or a group of it. `seen` is by row. */
static void read_object(const cJSON *object, const char *group, bool *seen, SpecReader *r)
{
    if (!cJSON_IsObject(object)) {
        fault_expected(r->faults, group, "an object", object);
        return;
    }
    size_t count;
    const Field *fields = spec_fields(&count);
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char pointer[sizeof(Fault){0}.pointer];
        snprintf(pointer, sizeof pointer, "%s", group);
        pointer_append(pointer, sizeof pointer, item->string);
        size_t row = 0;
        while (row < count && strcmp(fields[row].pointer, pointer) != 0)
            row++;
        if (row == count)
            unknown_field(group, pointer, item->string, r->faults);
        else if (seen[row])
            faults_add(r->faults, pointer, "is given twice");
        else if (fields[row].kind == &FIELD_GROUP)
            read_object(item, pointer, seen, r);
        else
            fields[row].kind->read(&fields[row], item, r);
        if (row < count)
            seen[row] = true;
    }
}

static void check_limit(const char *pointer, int limit, int count, const char *set, Faults *faults)
{
    if (limit > count)
        faults_add(faults, pointer, "must be 0 to %d, the images that %s has, got %d", count, set,
                   limit);
}

/* Batch normalisation needs two examples to compare. */
static void check_pairs(const JobSpec *spec, Faults *faults)
{
    if (spec->batch_size == 1)
        faults_add(faults, "/batch_size", "must be 2 or more for %s, which normalises by the batch",
                   spec->network->name);
    if (spec->train_limit == 1)
        faults_add(faults, "/train_limit",
                   "must be 0, or 2 or more for %s, which normalises by the batch",
                   spec->network->name);
}

/* Ranks have equally many shards. */
static void check_ranks(const JobSpec *spec, Faults *faults)
{
    if (spec->shards % spec->ranks != 0 && !faults_at(faults, "/shards"))
        faults_add(faults, "/ranks", "must divide shards, %d, got %d", spec->shards, spec->ranks);
}

/* Each shard of a whole batch has examples, two where it compares them with each other. */
static void check_shards(const JobSpec *spec, const Graph *g, Faults *faults)
{
    const int each = graph_couples_examples(g) && !spec->sync ? 2 : 1;
    if (spec->shards > 1 && spec->batch_size < each * spec->shards)
        faults_add(faults, "/shards",
                   "must be at most %d for batches of %d, with %d example%s in each, got %d",
                   spec->batch_size / each > 1 ? spec->batch_size / each : 1, spec->batch_size,
                   each, each == 1 ? "" : "s", spec->shards);
}

/* `g` is the network at its final image size. */
static void check_progressive(const JobSpec *spec, const Graph *g, int smallest, Shape input,
                              int classes, Faults *faults)
{
    const char *pointer = "/progressive_resizing/from";
    const int from = spec->progressive.from;
    if (from == 0 || faults_at(faults, pointer))
        return;
    if (from < smallest || from > spec->image_size) {
        faults_add(faults, pointer, "must be 0, or %d to the image_size, %d, got %d", smallest,
                   spec->image_size, from);
        return;
    }
    input.height = input.width = from;
    Graph *small = spec_graph(spec, input, classes, NULL);
    if (!small || !graph_same_parameters(small, g))
        faults_add(faults, pointer, "needs weights that fit every image size; those of %s do not",
                   spec->network->name);
    graph_free(small);
}

/* Network, dataset and image size together. The images of an MNIST-like folder are not known before
 * it is opened, and are taken to be like MNIST's; the trainer checks what they are. */
static void check_graph(const JobSpec *spec, Faults *faults)
{
    const int channels = spec->set.image.channels, classes = spec->set.classes;
    const int smallest = model_smallest_image(spec->network, channels);
    if (spec->image_size < smallest) {
        faults_add(faults, "/image_size", "must be %d to %d for %s, got %d", smallest,
                   IMAGE_MAX_SIDE, spec->network->name, spec->image_size);
        return;
    }
    Error err = {0};
    const int before = faults->count;
    spec_check_blocks(spec, faults);
    if (faults->count > before)
        return;
    const Shape input = {channels, spec->image_size, spec->image_size};
    Graph *g = spec_graph(spec, input, classes, &err);
    if (!g)
        faults_add(faults, "/network", "cannot be built: %s", err.message);
    else if (graph_couples_examples(g))
        check_pairs(spec, faults);
    if (g)
        check_shards(spec, g, faults);
    if (g)
        check_progressive(spec, g, smallest, input, classes, faults);
    graph_free(g);
}

/* One number for each channel; those of a folder are not known before it is opened. */
static void check_channels(const JobSpec *spec, const char *pointer, const NumberList *list,
                           Faults *faults)
{
    const SpecSet *set = &spec->set;
    if (faults_at(faults, pointer))
        return;
    if (spec->normalization == NORMALIZATION_GIVEN
        && (list->count == 0 || (set->known && list->count != set->image.channels))) {
        const int channels = set->image.channels;
        faults_add(faults, pointer, "must have %d number%s, one for each channel, got %d", channels,
                   channels == 1 ? "" : "s", list->count);
    }
}

static void check_pictures(const JobSpec *spec, Faults *faults)
{
    // A type with a fault has its default value, which the client did not ask for.
    if (!faults_at(faults, "/normalization/type")) {
        check_channels(spec, "/normalization/mean", &spec->mean, faults);
        check_channels(spec, "/normalization/std", &spec->std, faults);
    }
    if (!spec->set.known)
        return;
    const Shape image = spec->set.image;
    const int side = image.height < image.width ? image.height : image.width;
    if (spec->augmentation.crop_padding >= side)
        faults_add(faults, "/augmentation/crop_padding",
                   "must be 0 to %d for pictures of %d x %d, got %d", side - 1, image.height,
                   image.width, spec->augmentation.crop_padding);
}

static void check_together(const JobSpec *spec, Faults *faults)
{
    const Schedule *schedule = &spec->schedule;
    spec_check_relevance(spec, faults);
    check_ranks(spec, faults);
    if (schedule->final > spec->learning_rate)
        faults_add(faults, "/schedule/final", "must be at most optimizer.learning_rate, %g, got %g",
                   spec->learning_rate, schedule->final);
    if (schedule->warmup_epochs >= spec->epochs)
        faults_add(faults, "/schedule/warmup_epochs", "must be below epochs, %d, got %g",
                   spec->epochs, schedule->warmup_epochs);
    if (spec->freeze != FREEZE_NONE && !init_given(&spec->init_from)
        && !faults_at(faults, "/init_from"))
        faults_add(faults, "/freeze", "needs init_from: what is frozen must have learnt something");
    const SpecSet *set = &spec->set;
    check_pictures(spec, faults);
    if (set->known) {
        check_limit("/train_limit", spec->train_limit, set->train_count, set->name, faults);
        const int train = spec->train_limit > 0 ? spec->train_limit : set->train_count;
        if (spec->validation_split > 0 && spec_train_examples(spec, train) == train)
            faults_add(faults, "/validation_split", "%g holds none of %d examples out",
                       spec->validation_split, train);
        check_limit("/test_limit", spec->test_limit, set->test_count, set->name, faults);
    }
}

/* Of a set that people brought they were found with it. */
static void find_facts(JobSpec *spec)
{
    const DatasetInfo *info = dataset_find(spec->dataset);
    if (info)
        spec->set = spec_set_known(info);
    else if (strchr(spec->dataset, '/'))
        spec->set = spec_set_folder(spec->dataset);
}

bool spec_read(const cJSON *json, SpecRules rules, JobSpec *spec, Faults *faults)
{
    const int before = faults->count;
    bool seen[SPEC_MAX_FIELDS] = {false};
    spec_set_defaults(spec);
    read_object(json, "", seen, &(SpecReader){spec, faults, rules});
    find_facts(spec);
    if (spec->image_size == 0)
        spec->image_size = spec->network->image_size;
    check_together(spec, faults);
    // A field with a fault has its default value now, which the client did not ask for.
    if (!faults_at(faults, "/network") && !faults_at(faults, "/dataset")
        && !faults_at(faults, "/image_size"))
        check_graph(spec, faults);
    return faults->count == before;
}

void spec_free(JobSpec *spec)
{
    cJSON_Delete(spec->metadata);
    spec->metadata = NULL;
}

Graph *spec_graph(const JobSpec *spec, Shape input, int classes, Error *err)
{
    const ModelOptions options = {.classes = classes, .blocks = &spec->blocks};
    return model_graph_with(spec->network, input, options, err);
}

/* ---- Writing ---- */

cJSON *spec_to_json(const JobSpec *spec)
{
    size_t count;
    const Field *fields = spec_fields(&count);
    cJSON *json = cJSON_CreateObject();
    cJSON *group = NULL;
    for (size_t i = 0; i < count; i++) {
        const Field *f = &fields[i];
        const char *key = strrchr(f->pointer, '/') + 1;
        cJSON *item = f->kind->write(f, spec);
        cJSON_AddItemToObject(key == f->pointer + 1 ? json : group, key, item);
        if (f->kind == &FIELD_GROUP)
            group = item;
    }
    return json;
}

int spec_train_examples(const JobSpec *spec, int train_count)
{
    const bool limited = spec->train_limit > 0 && spec->train_limit < train_count;
    const int used = limited ? spec->train_limit : train_count;
    return used - (int)(spec->validation_split * used + 0.5);
}

static Normalization given_normalization(const JobSpec *spec)
{
    Normalization n = {.channels = spec->mean.count};
    for (int c = 0; c < n.channels; c++) {
        n.mean[c] = spec->mean.at[c];
        n.deviation[c] = spec->std.at[c];
    }
    return n;
}

TrainConfig spec_train_config(const JobSpec *spec)
{
    Optimizer optimizer = spec->optimizer;
    optimizer.weights_only = !spec->decay_biases;
    return (TrainConfig){
        .model = spec->network,
        .blocks = spec->blocks,
        .image_size = spec->image_size,
        .progressive = spec->progressive,
        .epochs = spec->epochs,
        .batch_size = spec->batch_size,
        .train_limit = spec->train_limit,
        .validation_split = spec->validation_split,
        .test_limit = spec->test_limit,
        .accumulation = spec->accumulation,
        .shards = spec->shards,
        .sync = spec->sync,
        .learning_rate = spec->learning_rate,
        .optimizer = optimizer,
        .clip_norm = spec->clip_norm,
        .ema = spec->ema,
        .schedule = spec->schedule,
        .label_smoothing = spec->label_smoothing,
        .class_weights = spec->class_weights,
        .freeze = spec->freeze,
        .head_rate_factor = spec->head_rate_factor,
        .augmentation = spec->augmentation,
        .normalization_type = spec->normalization,
        .normalization = given_normalization(spec),
        .early_ending = {.max_seconds = spec->max_seconds,
                         .patience = spec->early_stopping_patience,
                         .min_delta = spec->early_stopping_min_delta},
        .precision = spec->precision,
        .seed = spec->seed,
        .threads = spec->threads,
        .loader_threads = spec->loader_threads,
        .checkpoint_every_epochs = spec->checkpoint_every_epochs,
        .checkpoint_every_seconds = spec->checkpoint_every_seconds,
    };
}
