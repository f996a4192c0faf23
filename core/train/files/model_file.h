/* core/train/files/model_file.h -- a trained network as it lies in a file: what it is, its graph
 * and its weights.
 *
 *     ModelFile m;
 *     if (!model_file_open("run/model.safetensors", &(ModelHints){0}, &m, &err)) ...
 *     net_new(m.graph, m.params, ...)
 *     model_file_close(&m);
 *
 * The file is a model or a checkpoint of ours, or weights from elsewhere (PyTorch), which do not
 * say what network they are of: the hints do.
 *
 * Errors   as checkpoint.h; and ERR_INVALID when it is not known which network it is, there is no
 *          such network, or the file says otherwise than a hint.
 */
#pragma once
#include "core/dnn/params.h"
#include "core/models/models.h"
#include "core/train/files/model_info.h"

/* What the file may lack. */
typedef struct {
    const char *network;    // NULL: as the file says
    int channels, classes;  // 0: as the file says, or as its tensors show
    int image_size;         // 0: as the file says, else the network's default; it may be another
} ModelHints;

typedef struct {
    ModelInfo info;  // all of it, but for class names, which may be NULL
    const Model *model;
    bool assumed_size;  // neither the file nor the hints say the image size
    Graph *graph;
    ParamStore *params;
} ModelFile;

bool model_file_open(const char *path, const ModelHints *hints, ModelFile *file, Error *err);
/* The same but for the weights, of a file that is open: what it is, its graph, and parameters that
 * are yet to be read. `path` stands in messages. */
bool model_file_describe(const SafeFile *safe, const char *path, const ModelHints *hints,
                         ModelFile *file, Error *err);
void model_file_close(ModelFile *file);  // takes {0}
