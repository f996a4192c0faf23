/* core/export/onnx_layers.h -- what a layer is in ONNX: one emitter for each kind, in a table.
 *
 * The value of a node bears the node's name, its parameters bear theirs. A layer that evaluation
 * leaves out (dropout) emits nothing: its value is that of its source.
 *
 * Errors   ERR_INVALID: a kind of layer that the table does not have, or a map where a linear
 *          layer has left a vector.
 */
#pragma once
#include "core/dnn/params.h"
#include "core/export/onnx_message.h"

/* A graph being written. */
typedef struct {
    OnnxGraph *graph;
    const Graph *source;  // as a model made it, or rewrite_fold_batch_norm: without other rewrites
    const ParamStore *params;
    const char **values;  // by node: the name of its value in the file, borrowed
    bool *flat;           // by node: it is (N, channels), not (N, channels, height, width)
} OnnxWriter;

/* Append what node n computes, and set its `value` and `flat`. */
bool onnx_layer(OnnxWriter *w, Node n, Error *err);
