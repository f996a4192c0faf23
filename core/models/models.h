/* core/models/models.h -- the table of networks that can be trained. */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    const char *name;   // "googlenet"
    const char *title;  // "GoogLeNet (Inception v1)"
    const char *about;  // one sentence
    Node (*build)(Graph *g, Node x, int classes);
    int image_size;             // default side in pixels
    const char *const *stages;  // the nodes that end a stage, NULL-terminated
} Model;

const Model *models_table(size_t *count);
const Model *models_find(const char *name);  // NULL if there is none

/* The graph of a model; free it with graph_free. NULL, with ERR_INVALID, if the image is too small
 * or a number is out of range. */
Graph *model_graph(const Model *model, Shape input, int classes, Error *err);

/* The smallest side of a square image that the model can take. */
int model_smallest_image(const Model *model, int channels);
