/* core/export/onnx_message.h -- the messages of an ONNX file that an exported network needs.
 *
 * Fields are written in the order of their numbers, as protocol buffers' own writers have it: what
 * onnx reads and writes again is the same file.
 *
 * Source   https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
#pragma once
#include "core/export/proto.h"

enum { ONNX_NODE_INPUTS = 8, ONNX_MODEL_BYTES_MAX = 0x7fffffff };

/* An attribute of a node; the one pointer that is not NULL tells its type, else it is `number`. */
typedef struct {
    const char *name;     // "kernel_shape"
    int64_t number;       // INT
    const float *real;    // FLOAT
    const int64_t *list;  // INTS
    int count;            // of list
} OnnxAttribute;

typedef struct {
    const char *op;    // "Conv"
    const char *name;  // of the node; NULL: the output's
    const char *output;
    const char *inputs[ONNX_NODE_INPUTS];  // the first NULL ends them
} OnnxNode;

/* A graph being made: its parts, which are joined in the end. {0} is an empty one. */
typedef struct {
    Proto nodes, constants, values;
} OnnxGraph;

void onnx_node(OnnxGraph *g, const OnnxNode *node, const OnnxAttribute *attributes, int count);

/* A constant; borrows the numbers until the file has been written. */
void onnx_floats(OnnxGraph *g, const char *name, const int64_t *dims, int rank,
                 const float *numbers);
/* The same; copies the numbers. */
void onnx_float_copy(OnnxGraph *g, const char *name, const int64_t *dims, int rank,
                     const float *numbers);
void onnx_integers(OnnxGraph *g, const char *name, const int64_t *numbers, int count);

/* Float tensors that go in and come out. Their first dimension is "batch", of any size; dims are
 * those after it. */
void onnx_input(OnnxGraph *g, const char *name, const int64_t *dims, int rank);
void onnx_output(OnnxGraph *g, const char *name, const int64_t *dims, int rank);

void onnx_graph_free(OnnxGraph *g);  // one that onnx_model has not taken

typedef struct {
    const char *producer, *version;
    const char *description;
    const char *graph_name;
} OnnxModel;

/* The whole file but for its metadata; takes what the graph has. */
void onnx_model(Proto *model, const OnnxModel *what, OnnxGraph *g);
void onnx_property(Proto *model, const char *key, const char *value);
