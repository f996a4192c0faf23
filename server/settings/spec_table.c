/* server/settings/spec_table.c -- the fields of a job: names, kinds, ranges, defaults, and what
 * they are called where people see them. The order is that of a form.
 */
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/comm/shard_sum.h"
#include "core/data/loader/loader.h"
#include "server/settings/spec_fields.h"

// clang-format off
#define ROW(path, what, name, text) .pointer = path, .kind = &what, .title = name, .about = text
#define AT(member) .offset = offsetof(JobSpec, member)
// The choices of another field that a field belongs to.
#define FOR(choice, ...) .when = choice, .when_values = (const char *const[]){__VA_ARGS__, NULL}
#define WHAT .section = "What to train"
#define HOW .section = "How to train"
#define PICTURES .section = "What becomes of the pictures"
#define RANGE(...) .default_range = (const double[]){__VA_ARGS__}
#define END .section = "When to end, what to keep"
#define RARE .rare = true
static const Field FIELDS[] = {
    {ROW("/name", FIELD_NAME, "Name", "what people call it"), WHAT},
    {ROW("/network", FIELD_NETWORK, "Network", "the architecture"), WHAT},
    {ROW("/blocks", FIELD_BLOCKS, "Blocks",
         "channels of Inception blocks instead of the network's own: {\"2.0\": [64, [96, 128], [16, 32], 32]}"), WHAT, RARE},
    {ROW("/dataset", FIELD_DATASET, "Data set", "the images"), WHAT},
    {ROW("/init_from", FIELD_INIT, "Start from",
         "a trained model of the same network, whose weights are taken as far as they fit: {\"model\": \"shirts@3\"} or {\"job\": \"job_7\", \"checkpoint\": \"best\"}"), WHAT},
    // The smallest size, too, is the network's.
    {ROW("/image_size", FIELD_INT, "Image size",
         "side in pixels that images are resized to; default: the network's"),
     WHAT, AT(image_size), .default_varies = true, .min = 1, .max = IMAGE_MAX_SIDE},
    {ROW("/train_limit", FIELD_INT, "Training examples", "use the first n; 0: all"),
     WHAT, AT(train_limit), .max = INT_MAX},
    {ROW("/test_limit", FIELD_INT, "Test examples", "use the first n; 0: all"),
     WHAT, AT(test_limit), .max = INT_MAX},
    {ROW("/validation_split", FIELD_NUMBER, "Validation split",
         "share of the training examples held out to choose by; the test set is then evaluated once, at the end; 0: none"),
     WHAT, AT(validation_split), .max = 0.5},

    {ROW("/epochs", FIELD_INT, "Epochs", "passes over the training examples"),
     HOW, AT(epochs), .default_value = 10, .min = 1, .max = 100000},
    {ROW("/batch_size", FIELD_INT, "Batch size", "examples of a step; where the network normalises by the batch, a last one "
         "of a single example is left out"),
     HOW, AT(batch_size), .default_value = 128, .min = 1, .max = 4096},
    {ROW("/accumulation", FIELD_INT, "Accumulation", "batches that make a step, which is one update"),
     HOW, RARE, AT(accumulation), .default_value = 1, .min = 1, .max = 1024},
    {ROW("/shards", FIELD_INT, "Shards", "parts that each batch is cut into, each a batch of its own to the network; their number fixes the order in which gradients are summed"),
     HOW, RARE, AT(shards), .default_value = 1, .min = 1, .max = SHARDS_MAX},
    {ROW("/sync", FIELD_BOOL, "Synchronised shards", "statistics of batch normalisation, and class weights, are of the whole batch and not of a shard"),
     HOW, RARE, AT(sync)},
    {ROW("/ranks", FIELD_INT, "Ranks", "processes that train together, started by the daemon's launcher; shards is a multiple of it. Of googlenetd train, mpirun says how many there are"),
     HOW, RARE, AT(ranks), .default_value = 1, .min = 1, .max = SHARDS_MAX},
    {ROW("/optimizer", FIELD_GROUP, "Optimizer", "")},
    {ROW("/optimizer/name", FIELD_CHOICE, "Optimizer", "as torch.optim defines it"),
     HOW, AT(optimizer.type), .choices = OPTIMIZER_NAMES},
    {ROW("/optimizer/learning_rate", FIELD_NUMBER, "Learning rate", "where the schedule starts, or its peak"),
     HOW, AT(learning_rate), .default_value = 0.1, .min = 0, .max = 100, .above_min = true},
    {ROW("/optimizer/momentum", FIELD_NUMBER, "Momentum", "share of the step before"),
     HOW, AT(optimizer.momentum), .max = 1, .below_max = true, FOR("/optimizer/name", "sgd")},
    {ROW("/optimizer/nesterov", FIELD_BOOL, "Nesterov", "look ahead; needs a momentum above 0"),
     HOW, AT(optimizer.nesterov), FOR("/optimizer/name", "sgd"), .needs = "/optimizer/momentum"},
    {ROW("/optimizer/beta1", FIELD_NUMBER, "Beta 1", "share of the past in the mean of the gradients"),
     HOW, RARE, AT(optimizer.beta1), .default_value = 0.9, .max = 1, .below_max = true, FOR("/optimizer/name", "adamw")},
    {ROW("/optimizer/beta2", FIELD_NUMBER, "Beta 2", "share of the past in the mean of their squares"),
     HOW, RARE, AT(optimizer.beta2), .default_value = 0.999, .max = 1, .below_max = true, FOR("/optimizer/name", "adamw")},
    {ROW("/optimizer/epsilon", FIELD_NUMBER, "Epsilon", "added to the root of the mean square"),
     HOW, RARE, AT(optimizer.epsilon), .default_value = 1e-8, .max = 1, .above_min = true, FOR("/optimizer/name", "adamw")},
    {ROW("/optimizer/weight_decay", FIELD_NUMBER, "Weight decay",
         "added to the gradient by sgd, apart from it by adamw"),
     HOW, AT(optimizer.weight_decay), .max = 1},
    {ROW("/optimizer/decay_biases", FIELD_BOOL, "Decay biases",
         "and what scales and shifts in a normalisation; false: weights alone"),
     HOW, RARE, AT(decay_biases), .default_value = 1, .needs = "/optimizer/weight_decay"},
    {ROW("/optimizer/clip_norm", FIELD_NUMBER, "Clip gradients",
         "largest norm of all of them together; 0: any"),
     HOW, RARE, AT(clip_norm), .max = INFINITY},
    {ROW("/ema", FIELD_GROUP, "Moving average", "")},
    {ROW("/ema/decay", FIELD_NUMBER, "Average of weights",
         "share kept at each step; the averaged weights are then tested and saved; 0: off"),
     HOW, RARE, AT(ema.decay), .max = 1, .below_max = true},
    {ROW("/ema/warmup", FIELD_BOOL, "Average warms up", "keeps at most (1 + n) / (10 + n) after n averages"),
     HOW, RARE, AT(ema.warmup), .needs = "/ema/decay"},
    {ROW("/schedule", FIELD_GROUP, "Schedule", "")},
    {ROW("/schedule/type", FIELD_CHOICE, "Schedule", "of the learning rate, over the whole run"),
     HOW, AT(schedule.type), .choices = SCHEDULE_NAMES},
    {ROW("/schedule/every_epochs", FIELD_INT, "Step down every", "epochs between two steps down"),
     HOW, AT(schedule.every_epochs), .default_value = 3, .min = 1, .max = 100000, FOR("/schedule/type", "step")},
    {ROW("/schedule/gamma", FIELD_NUMBER, "Gamma", "factor of each step down, or of each epoch"),
     HOW, AT(schedule.gamma), .default_value = 0.1, .max = 1, .above_min = true,
     FOR("/schedule/type", "step", "exponential")},
    {ROW("/schedule/power", FIELD_NUMBER, "Power", "of the share of steps that is left"),
     HOW, AT(schedule.power), .default_value = 1, .max = 100, .above_min = true, FOR("/schedule/type", "polynomial")},
    {ROW("/schedule/final", FIELD_NUMBER, "Final rate", "learning rate at the end"),
     HOW, AT(schedule.final), .max = 100, FOR("/schedule/type", "polynomial", "cosine")},
    {ROW("/schedule/peak_at", FIELD_NUMBER, "Peak at", "share of the steps that come before the peak"),
     HOW, AT(schedule.peak_at), .default_value = 0.3, .max = 1, .above_min = true, .below_max = true,
     FOR("/schedule/type", "one_cycle")},
    {ROW("/schedule/initial_div", FIELD_NUMBER, "Initial division",
         "the first rate is the peak divided by this"),
     HOW, AT(schedule.initial_div), .default_value = 25, .min = 1, .max = 1e9, FOR("/schedule/type", "one_cycle")},
    {ROW("/schedule/final_div", FIELD_NUMBER, "Final division",
         "the last rate is the first one divided by this"),
     HOW, AT(schedule.final_div), .default_value = 1e4, .min = 1, .max = 1e9, FOR("/schedule/type", "one_cycle")},
    {ROW("/schedule/linear", FIELD_BOOL, "Straight lines", "up and down, not half a cosine each"),
     HOW, AT(schedule.linear), FOR("/schedule/type", "one_cycle")},
    {ROW("/schedule/warmup_epochs", FIELD_NUMBER, "Warm-up",
         "epochs, or a part of one, in which the rate rises in a straight line; 0: none"),
     HOW, AT(schedule.warmup_epochs), .max = 100000,
     FOR("/schedule/type", "constant", "step", "exponential", "polynomial", "cosine")},
    {ROW("/schedule/warmup_start", FIELD_NUMBER, "Warm-up from",
         "share of the learning rate that it starts from"),
     HOW, AT(schedule.warmup_start), .default_value = 0.01, .max = 1, .needs = "/schedule/warmup_epochs"},
    {ROW("/freeze", FIELD_CHOICE, "Freeze",
         "features: of a network that starts from a model, all but the last layer, which tells the classes, stays as it is"),
     HOW, RARE, AT(freeze), .choices = FREEZE_NAMES},
    {ROW("/head_learning_rate_factor", FIELD_NUMBER, "Rate of the head",
         "learning rate of the last layer, relative to that of the others"),
     HOW, RARE, AT(head_rate_factor), .default_value = 1, .max = 1000, .above_min = true},
    {ROW("/label_smoothing", FIELD_NUMBER, "Label smoothing", "share of the other classes in a label"),
     HOW, RARE, AT(label_smoothing), .max = 1, .below_max = true},
    {ROW("/class_weights", FIELD_CHOICE, "Class weights",
         "of the training loss; balanced: examples / (classes * examples of the class), so that rare classes count as much as common ones; figures of test and validation stay unweighted"),
     HOW, AT(class_weights), .choices = CLASS_WEIGHTS_NAMES},
    {ROW("/progressive_resizing", FIELD_GROUP, "Growing images", "")},
    {ROW("/progressive_resizing/from", FIELD_INT, "Grow images from",
         "side in pixels of the first epoch's training images, which grow to the image size; 0: not"),
     PICTURES, RARE, AT(progressive.from), .max = IMAGE_MAX_SIDE},
    {ROW("/progressive_resizing/until_epoch", FIELD_INT, "Grow images for", "epochs, until they have the image size"),
     PICTURES, RARE, AT(progressive.until_epoch), .default_value = 1, .min = 1, .max = 100000, .needs = "/progressive_resizing/from"},
    {ROW("/progressive_resizing/step", FIELD_INT, "Grow images by", "steps of so many pixels"),
     PICTURES, RARE, AT(progressive.step), .default_value = 16, .min = 1, .max = IMAGE_MAX_SIDE, .needs = "/progressive_resizing/from"},
    {ROW("/augmentation", FIELD_GROUP, "Augmentation", "")},
    {ROW("/augmentation/crop_padding", FIELD_INT, "Shift",
         "training pictures by up to so many of their pixels each way; 0: not"),
     PICTURES, AT(augmentation.crop_padding), .max = 256},
    {ROW("/augmentation/resized_crop", FIELD_BOOL, "Random parts",
         "of training pictures, resized as if they were all of it"),
     PICTURES, AT(augmentation.resized_crop.on)},
    {ROW("/augmentation/resized_crop_scale", FIELD_RANGE, "Size of the parts", "least and largest share of the area"),
     PICTURES, AT(augmentation.resized_crop.scale), RANGE(0.08, 1), .max = 1, .above_min = true,
     .needs = "/augmentation/resized_crop"},
    {ROW("/augmentation/resized_crop_ratio", FIELD_RANGE, "Shape of the parts", "least and largest width / height"),
     PICTURES, AT(augmentation.resized_crop.ratio), RANGE(0.75, 4.0 / 3), .max = AUGMENT_MAX_RATIO, .above_min = true,
     .needs = "/augmentation/resized_crop"},
    {ROW("/augmentation/flip", FIELD_CHOICE, "Mirror images",
         "random: half of the training pictures; alternate: each in every second epoch"),
     PICTURES, AT(augmentation.flip), .choices = FLIP_NAMES},
    {ROW("/augmentation/erasing", FIELD_NUMBER, "Erasing", "share of the training images that lose a rectangle"),
     PICTURES, AT(augmentation.erasing.probability), .max = 1},
    {ROW("/augmentation/erasing_scale", FIELD_RANGE, "Size of the rectangle", "least and largest share of the area"),
     PICTURES, AT(augmentation.erasing.scale), RANGE(0.02, 0.33), .max = 1, .above_min = true,
     .needs = "/augmentation/erasing"},
    {ROW("/augmentation/erasing_ratio", FIELD_RANGE, "Shape of the rectangle", "least and largest height / width"),
     PICTURES, AT(augmentation.erasing.ratio), RANGE(0.3, 3.3), .max = AUGMENT_MAX_RATIO, .above_min = true,
     .needs = "/augmentation/erasing"},
    {ROW("/augmentation/mixup", FIELD_NUMBER, "Mixup",
         "mixes two training images by a share from Beta(a, a); a is often 0.2; 0: not"),
     PICTURES, AT(augmentation.mixup), .max = AUGMENT_MAX_ALPHA},
    {ROW("/normalization", FIELD_GROUP, "Normalisation", "")},
    {ROW("/normalization/type", FIELD_CHOICE, "Normalisation",
         "of each channel; measured: on the training examples, before the first step"),
     PICTURES, AT(normalization), .choices = NORMALIZATION_NAMES},
    {ROW("/normalization/mean", FIELD_NUMBERS, "Mean", "of pixels from 0 to 1, one for each channel"),
     PICTURES, AT(mean), .max = 1, FOR("/normalization/type", "given")},
    {ROW("/normalization/std", FIELD_NUMBERS, "Deviation", "of pixels from 0 to 1, one for each channel"),
     PICTURES, AT(std), .max = 1, .above_min = true, FOR("/normalization/type", "given")},
    {ROW("/precision", FIELD_CHOICE, "Precision", "auto: bf16 where the CPU computes it, else f32"),
     HOW, RARE, AT(precision), .choices = PRECISION_NAMES},
    {ROW("/seed", FIELD_SEED, "Seed", "of the weights and the order of the examples"),
     HOW, AT(seed), .max = 9007199254740991.0},  // 2^53 - 1
    {ROW("/threads", FIELD_INT, "Threads", "0: as many as a worker has"),
     HOW, RARE, AT(threads), .max = 1024},
    {ROW("/loader_threads", FIELD_INT, "Loader threads",
         "that prepare batches beside the training; 0: a quarter of the threads, at least one; their number changes no result"),
     HOW, RARE, AT(loader_threads), .max = LOADER_MAX_THREADS},

    {ROW("/max_seconds", FIELD_NUMBER, "Time limit",
         "seconds of training after which the job ends and has succeeded; 0: none"),
     END, RARE, AT(max_seconds), .max = INFINITY},
    {ROW("/early_stopping", FIELD_GROUP, "Early stopping", "")},
    {ROW("/early_stopping/patience", FIELD_INT, "Early stopping",
         "epochs without a better accuracy after which the job ends; 0: off"),
     END, AT(early_stopping_patience), .max = 100000},
    {ROW("/early_stopping/min_delta", FIELD_NUMBER, "Smallest improvement",
         "rise of the accuracy that early stopping counts"),
     END, RARE, AT(early_stopping_min_delta), .max = 1},
    {ROW("/checkpoint", FIELD_GROUP, "Checkpoints", "")},
    {ROW("/checkpoint/every_epochs", FIELD_INT, "Checkpoint every", "epochs; 0: not by epochs"),
     END, RARE, AT(checkpoint_every_epochs), .default_value = 1, .max = 100000},
    {ROW("/checkpoint/every_seconds", FIELD_NUMBER, "Checkpoint after", "seconds; 0: not by time"),
     END, RARE, AT(checkpoint_every_seconds), .max = INFINITY},
    {ROW("/checkpoint/keep", FIELD_INT, "Checkpoints kept", "the latest ones, besides the best"),
     END, RARE, AT(checkpoint_keep), .default_value = 2, .min = 1, .max = 100},
    {ROW("/register_as", FIELD_MODEL, "Register as",
         "the model whose next version the best checkpoint becomes once the job has succeeded; empty: none"), END},
    {ROW("/evaluate", FIELD_BOOL, "Evaluate at the end",
         "by the daemon: the best checkpoint on the test examples, class by class, once the training has succeeded"),
     END, RARE, AT(evaluate), .default_value = 1},
    {ROW("/metadata", FIELD_METADATA, "Metadata", "texts of your own, up to 16"), WHAT},
};
#undef ROW
#undef AT
#undef FOR
#undef WHAT
#undef HOW
#undef PICTURES
#undef RANGE
#undef END
#undef RARE
// clang-format on

_Static_assert(COUNT(FIELDS) <= SPEC_MAX_FIELDS, "readers keep a mark for each field");

const Field *spec_fields(size_t *count)
{
    *count = COUNT(FIELDS);
    return FIELDS;
}

const Field *spec_field(const char *pointer)
{
    for (size_t i = 0; i < COUNT(FIELDS); i++)
        if (strcmp(FIELDS[i].pointer, pointer) == 0)
            return &FIELDS[i];
    return NULL;
}

void spec_set_defaults(JobSpec *spec)
{
    *spec = (JobSpec){.network = models_find("googlenet"), .dataset = "fashion_mnist"};
    for (size_t i = 0; i < COUNT(FIELDS); i++) {
        void *value = (char *)spec + FIELDS[i].offset;
        if (FIELDS[i].kind == &FIELD_INT)
            memcpy(value, &(int){(int)FIELDS[i].default_value}, sizeof(int));
        else if (FIELDS[i].kind == &FIELD_NUMBER)
            memcpy(value, &FIELDS[i].default_value, sizeof(double));
        else if (FIELDS[i].kind == &FIELD_RANGE)
            memcpy(value, FIELDS[i].default_range, 2 * sizeof(double));
        else if (FIELDS[i].kind == &FIELD_BOOL)
            memcpy(value, &(bool){FIELDS[i].default_value > 0}, sizeof(bool));
    }
}
