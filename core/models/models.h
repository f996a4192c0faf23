/* core/models/models.h -- the table of networks that can be trained. */
#pragma once
#include "core/graph/graph.h"
#include "core/models/options.h"

/* How the weights start: core/train/init.h has the rules. */
typedef enum {
    WEIGHTS_XAVIER_UNIFORM,          // the chapter's
    WEIGHTS_KAIMING_NORMAL_FAN_OUT,  // of convolutions; linear layers as PyTorch makes them
    WEIGHTS_NORMAL_TENTH,            // deviation 0.1
    WEIGHTS_NORMAL_HUNDREDTH,        // deviation 0.01
    WEIGHT_RULES
} WeightRule;

enum { MODEL_MAX_CLASSES = 65535 };  // what a label of 16 bits can tell apart

typedef struct {
    const char *name;   // "googlenet"
    const char *title;  // "GoogLeNet (Inception v1)"
    const char *about;  // one sentence
    Node (*build)(Graph *g, Node x, ModelOptions options);
    int image_size;             // default side in pixels
    const char *const *stages;  // the nodes that end a stage, NULL-terminated
    WeightRule weights;
    // Beginnings of names, NULL-terminated: tensors of a weights file that belong to parts that
    // only its training elsewhere had, such as auxiliary heads. They are ignored. NULL: none.
    const char *const *left_out;
} Model;

const Model *models_table(size_t *count);
const Model *models_find(const char *name);  // NULL if there is none

/* The graph of a model with its own blocks; free it with graph_free. NULL, with ERR_INVALID, if the
 * image is too small or a number is out of range. */
Graph *model_graph(const Model *model, Shape input, int classes, Error *err);

/* The same with options. ERR_INVALID also if a block is given that the model does not have, or
 * with channels out of range. */
Graph *model_graph_with(const Model *model, Shape input, ModelOptions options, Error *err);

/* The model's Inception blocks with their own channels; none for a network without. */
BlockList model_blocks(const Model *model);

/* The smallest side of a square image that the model can take. */
int model_smallest_image(const Model *model, int channels);
