/* server/cli/model_argument.h -- the argument MODEL of a command: a file, or a folder of a run.
 *
 * Of a folder that `googlenetd train` has filled it is model.safetensors, or best.safetensors while
 * the training has not ended.
 */
#pragma once
#include "core/train/files/model_file.h"

/* Options of a command for weights that do not say what they are; their settings begin with
 * ModelHints. */
// clang-format off
#define MODEL_HINT_OPTIONS \
    {"network", "NAME", "the network, where the file does not say it", OPTION_TEXT, \
     .offset = offsetof(ModelHints, network)}, \
    {"classes", "K", "its classes, likewise", OPTION_INT, \
     .offset = offsetof(ModelHints, classes), .min = 1, .max = 100000}, \
    {"channels", "C", "channels of its images, likewise", OPTION_INT, \
     .offset = offsetof(ModelHints, channels), .min = 1, .max = 64}, \
    {"image-size", "N", "side of its images, also another than it was trained on", OPTION_INT, \
     .offset = offsetof(ModelHints, image_size), .min = 1, .max = 4096}
// clang-format on

/* The file that is meant; from malloc. */
char *model_argument_path(const char *argument);

/* Where a daemon has the model, nothing of the hints can be said, and no `more` that is the
 * daemon's affair. ERR_INVALID. */
bool model_argument_remote(const ModelHints *hints, bool more, Error *err);

/* *path is the file that was meant; from malloc, also on failure. */
bool model_argument_open(const char *argument, const ModelHints *hints, char **path,
                         ModelFile *file, Error *err);

/* Whether `output`, the file that `option` names, may be written: not where it is the model at
 * `path`, by whatever name, which would be lost. ERR_INVALID. */
bool model_argument_spared(const char *path, const char *option, const char *output, Error *err);
