/* server/settings/spec_table.c -- the fields of a job: names, kinds, ranges, defaults, and what
 * they are called where people see them. The order is that of a form.
 */
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/settings/spec_fields.h"

// clang-format off
#define ROW(path, what, name, text) .pointer = path, .kind = &what, .title = name, .about = text
#define AT(member) .offset = offsetof(JobSpec, member)
#define WHAT .section = "What to train"
#define HOW .section = "How to train"
#define PICTURES .section = "What becomes of the pictures"
#define RANGE(...) .default_range = (const double[]){__VA_ARGS__}
#define END .section = "When to end, what to keep"
static const Field FIELDS[] = {
    {ROW("/name", FIELD_NAME, "Name", "what people call it"), WHAT},
    {ROW("/network", FIELD_NETWORK, "Network", "the architecture"), WHAT},
    {ROW("/dataset", FIELD_DATASET, "Data set", "the images"), WHAT},
    // The smallest size, too, is the network's.
    {ROW("/image_size", FIELD_INT, "Image size",
         "side in pixels that images are resized to; default: the network's"),
     WHAT, AT(image_size), .default_varies = true, .min = 1, .max = IMAGE_MAX_SIDE},
    {ROW("/train_limit", FIELD_INT, "Training examples", "use the first n; 0: all"),
     WHAT, AT(train_limit), .max = INT_MAX},
    {ROW("/test_limit", FIELD_INT, "Test examples", "use the first n; 0: all"),
     WHAT, AT(test_limit), .max = INT_MAX},

    {ROW("/epochs", FIELD_INT, "Epochs", "passes over the training examples"),
     HOW, AT(epochs), .default_value = 10, .min = 1, .max = 100000},
    {ROW("/batch_size", FIELD_INT, "Batch size", "examples of a step; where the network normalises by the batch, a last one "
         "of a single example is left out"),
     HOW, AT(batch_size), .default_value = 128, .min = 1, .max = 4096},
    {ROW("/optimizer", FIELD_GROUP, "Optimizer", "")},
    {ROW("/optimizer/name", FIELD_OPTIMIZER, "Optimizer", "as torch.optim.SGD defines it"), HOW},
    {ROW("/optimizer/learning_rate", FIELD_NUMBER, "Learning rate", "of the first step"),
     HOW, AT(learning_rate), .default_value = 0.1, .min = 0, .max = 100, .above_min = true},
    {ROW("/optimizer/momentum", FIELD_NUMBER, "Momentum", "share of the step before"),
     HOW, AT(sgd.momentum), .max = 1, .below_max = true},
    {ROW("/optimizer/nesterov", FIELD_BOOL, "Nesterov", "look ahead; needs a momentum above 0"),
     HOW, AT(sgd.nesterov)},
    {ROW("/optimizer/weight_decay", FIELD_NUMBER, "Weight decay", "of all parameters"),
     HOW, AT(sgd.weight_decay), .max = 1},
    {ROW("/schedule", FIELD_GROUP, "Schedule", "")},
    {ROW("/schedule/type", FIELD_CHOICE, "Schedule",
         "of the learning rate; cosine: down to 0 over the whole run, step by step"),
     HOW, AT(schedule.type), .choices = SCHEDULE_NAMES},
    {ROW("/label_smoothing", FIELD_NUMBER, "Label smoothing", "share of the other classes in a label"),
     HOW, AT(label_smoothing), .max = 1, .below_max = true},
    {ROW("/augmentation", FIELD_GROUP, "Augmentation", "")},
    {ROW("/augmentation/crop_padding", FIELD_INT, "Shift",
         "training pictures by up to so many of their pixels each way; 0: not"),
     PICTURES, AT(augmentation.crop_padding), .max = 256},
    {ROW("/augmentation/resized_crop", FIELD_BOOL, "Random parts",
         "of training pictures, resized as if they were all of it"),
     PICTURES, AT(augmentation.resized_crop.on)},
    {ROW("/augmentation/resized_crop_scale", FIELD_RANGE, "Size of the parts", "least and largest share of the area"),
     PICTURES, AT(augmentation.resized_crop.scale), RANGE(0.08, 1), .max = 1, .above_min = true},
    {ROW("/augmentation/resized_crop_ratio", FIELD_RANGE, "Shape of the parts", "least and largest width / height"),
     PICTURES, AT(augmentation.resized_crop.ratio), RANGE(0.75, 4.0 / 3), .max = AUGMENT_MAX_RATIO, .above_min = true},
    {ROW("/augmentation/flip", FIELD_CHOICE, "Mirror images",
         "random: half of the training pictures; alternate: each in every second epoch"),
     PICTURES, AT(augmentation.flip), .choices = FLIP_NAMES},
    {ROW("/augmentation/erasing", FIELD_NUMBER, "Erasing", "share of the training images that lose a rectangle"),
     PICTURES, AT(augmentation.erasing.probability), .max = 1},
    {ROW("/augmentation/erasing_scale", FIELD_RANGE, "Size of the rectangle", "least and largest share of the area"),
     PICTURES, AT(augmentation.erasing.scale), RANGE(0.02, 0.33), .max = 1, .above_min = true},
    {ROW("/augmentation/erasing_ratio", FIELD_RANGE, "Shape of the rectangle", "least and largest height / width"),
     PICTURES, AT(augmentation.erasing.ratio), RANGE(0.3, 3.3), .max = AUGMENT_MAX_RATIO, .above_min = true},
    {ROW("/augmentation/mixup", FIELD_NUMBER, "Mixup",
         "mixes two training images by a share from Beta(a, a); a is often 0.2; 0: not"),
     PICTURES, AT(augmentation.mixup), .max = AUGMENT_MAX_ALPHA},
    {ROW("/normalization", FIELD_GROUP, "Normalisation", "")},
    {ROW("/normalization/type", FIELD_CHOICE, "Normalisation",
         "of each channel; measured: on the training examples, before the first step"),
     PICTURES, AT(normalization), .choices = NORMALIZATION_NAMES},
    {ROW("/normalization/mean", FIELD_NUMBERS, "Mean", "of pixels from 0 to 1, one for each channel"),
     PICTURES, AT(mean), .max = 1},
    {ROW("/normalization/std", FIELD_NUMBERS, "Deviation", "of pixels from 0 to 1, one for each channel"),
     PICTURES, AT(std), .max = 1, .above_min = true},
    {ROW("/precision", FIELD_CHOICE, "Precision", "auto: bf16 where the CPU computes it, else f32"),
     HOW, AT(precision), .choices = PRECISION_NAMES},
    {ROW("/seed", FIELD_SEED, "Seed", "of the weights and the order of the examples"),
     HOW, AT(seed), .max = 9007199254740991.0},  // 2^53 - 1
    {ROW("/threads", FIELD_INT, "Threads", "0: as many as a worker has"),
     HOW, AT(threads), .max = 1024},

    {ROW("/max_seconds", FIELD_NUMBER, "Time limit",
         "seconds of training after which the job ends and has succeeded; 0: none"),
     END, AT(max_seconds), .max = INFINITY},
    {ROW("/early_stopping", FIELD_GROUP, "Early stopping", "")},
    {ROW("/early_stopping/patience", FIELD_INT, "Early stopping",
         "epochs without a better test accuracy after which the job ends; 0: off"),
     END, AT(early_stopping_patience), .max = 100000},
    {ROW("/early_stopping/min_delta", FIELD_NUMBER, "Smallest improvement",
         "rise of the test accuracy that early stopping counts"),
     END, AT(early_stopping_min_delta), .max = 1},
    {ROW("/checkpoint", FIELD_GROUP, "Checkpoints", "")},
    {ROW("/checkpoint/every_epochs", FIELD_INT, "Checkpoint every", "epochs; 0: not by epochs"),
     END, AT(checkpoint_every_epochs), .default_value = 1, .max = 100000},
    {ROW("/checkpoint/every_seconds", FIELD_NUMBER, "Checkpoint after", "seconds; 0: not by time"),
     END, AT(checkpoint_every_seconds), .max = INFINITY},
    {ROW("/checkpoint/keep", FIELD_INT, "Checkpoints kept", "the latest ones, besides the best"),
     END, AT(checkpoint_keep), .default_value = 2, .min = 1, .max = 100},
    {ROW("/metadata", FIELD_METADATA, "Metadata", "texts of your own, up to 16"), WHAT},
};
#undef ROW
#undef AT
#undef WHAT
#undef HOW
#undef PICTURES
#undef RANGE
#undef END
// clang-format on

_Static_assert(COUNT(FIELDS) <= SPEC_MAX_FIELDS, "readers keep a mark for each field");

const Field *spec_fields(size_t *count)
{
    *count = COUNT(FIELDS);
    return FIELDS;
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
    }
}
