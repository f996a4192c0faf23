#include "core/export/onnx_message.h"

enum { IR_VERSION = 7, OPSET = 13 };

/* Numbers of fields, by message. */
enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_DOC = 6,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14
};
enum { OPSET_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_FLOAT = 2,
    ATTRIBUTE_INT = 3,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_TYPE = 20
};
enum { TYPE_OF_FLOAT = 1, TYPE_OF_INT = 2, TYPE_OF_INTS = 7 };  // values of ATTRIBUTE_TYPE
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { DATA_FLOAT = 1, DATA_INT64 = 7 };  // values of TENSOR_TYPE and VALUE_ELEMENT
enum { INFO_NAME = 1, INFO_TYPE = 2 };
enum { TYPE_TENSOR = 1 };
enum { VALUE_ELEMENT = 1, VALUE_SHAPE = 2 };
enum { SHAPE_DIM = 1 };
enum { DIM_VALUE = 1, DIM_PARAM = 2 };

static void add_attribute(Proto *node, const OnnxAttribute *a)
{
    Proto m = {0};
    proto_text(&m, ATTRIBUTE_NAME, a->name);
    if (a->real) {
        proto_float(&m, ATTRIBUTE_FLOAT, *a->real);
        proto_int(&m, ATTRIBUTE_TYPE, TYPE_OF_FLOAT);
    } else if (a->list) {
        for (int i = 0; i < a->count; i++)
            proto_int(&m, ATTRIBUTE_INTS, a->list[i]);
        proto_int(&m, ATTRIBUTE_TYPE, TYPE_OF_INTS);
    } else {
        proto_int(&m, ATTRIBUTE_INT, a->number);
        proto_int(&m, ATTRIBUTE_TYPE, TYPE_OF_INT);
    }
    proto_message(node, NODE_ATTRIBUTE, &m);
}

void onnx_node(OnnxGraph *g, const OnnxNode *node, const OnnxAttribute *attributes, int count)
{
    Proto m = {0};
    for (int i = 0; i < ONNX_NODE_INPUTS && node->inputs[i]; i++)
        proto_text(&m, NODE_INPUT, node->inputs[i]);
    proto_text(&m, NODE_OUTPUT, node->output);
    proto_text(&m, NODE_NAME, node->name ? node->name : node->output);
    proto_text(&m, NODE_OP, node->op);
    for (int i = 0; i < count; i++)
        add_attribute(&m, &attributes[i]);
    proto_message(&g->nodes, GRAPH_NODE, &m);
}

/* All of a tensor but its numbers. */
static Proto tensor_head(const char *name, int type, const int64_t *dims, int rank)
{
    Proto m = {0};
    for (int i = 0; i < rank; i++)
        proto_int(&m, TENSOR_DIMS, dims[i]);
    proto_int(&m, TENSOR_TYPE, type);
    proto_text(&m, TENSOR_NAME, name);
    return m;
}

static size_t float_bytes(const int64_t *dims, int rank)
{
    size_t bytes = sizeof(float);
    for (int i = 0; i < rank; i++)
        bytes *= (size_t)dims[i];
    return bytes;
}

/* Raw numbers are little-endian, as this machine's are: bytes, not values, are stored. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie");

void onnx_floats(OnnxGraph *g, const char *name, const int64_t *dims, int rank,
                 const float *numbers)
{
    Proto m = tensor_head(name, DATA_FLOAT, dims, rank);
    proto_borrow(&m, TENSOR_RAW, numbers, float_bytes(dims, rank));
    proto_message(&g->constants, GRAPH_INITIALIZER, &m);
}

void onnx_float_copy(OnnxGraph *g, const char *name, const int64_t *dims, int rank,
                     const float *numbers)
{
    Proto m = tensor_head(name, DATA_FLOAT, dims, rank);
    proto_bytes(&m, TENSOR_RAW, numbers, float_bytes(dims, rank));
    proto_message(&g->constants, GRAPH_INITIALIZER, &m);
}

void onnx_integers(OnnxGraph *g, const char *name, const int64_t *numbers, int count)
{
    Proto m = tensor_head(name, DATA_INT64, (int64_t[]){count}, 1);
    proto_bytes(&m, TENSOR_RAW, numbers, (size_t)count * sizeof *numbers);
    proto_message(&g->constants, GRAPH_INITIALIZER, &m);
}

static void add_value(OnnxGraph *g, int field, const char *name, const int64_t *dims, int rank)
{
    Proto shape = {0}, dim = {0}, tensor = {0}, type = {0}, info = {0};
    proto_text(&dim, DIM_PARAM, "batch");
    proto_message(&shape, SHAPE_DIM, &dim);
    for (int i = 0; i < rank; i++) {
        proto_int(&dim, DIM_VALUE, dims[i]);
        proto_message(&shape, SHAPE_DIM, &dim);
    }
    proto_int(&tensor, VALUE_ELEMENT, DATA_FLOAT);
    proto_message(&tensor, VALUE_SHAPE, &shape);
    proto_message(&type, TYPE_TENSOR, &tensor);
    proto_text(&info, INFO_NAME, name);
    proto_message(&info, INFO_TYPE, &type);
    proto_message(&g->values, field, &info);
}

void onnx_input(OnnxGraph *g, const char *name, const int64_t *dims, int rank)
{
    add_value(g, GRAPH_INPUT, name, dims, rank);
}

void onnx_output(OnnxGraph *g, const char *name, const int64_t *dims, int rank)
{
    add_value(g, GRAPH_OUTPUT, name, dims, rank);
}

void onnx_graph_free(OnnxGraph *g)
{
    proto_free(&g->nodes);
    proto_free(&g->constants);
    proto_free(&g->values);
}

void onnx_model(Proto *model, const OnnxModel *what, OnnxGraph *g)
{
    Proto graph = {0}, opset = {0};
    proto_join(&graph, &g->nodes);
    proto_text(&graph, GRAPH_NAME, what->graph_name);
    proto_join(&graph, &g->constants);
    proto_join(&graph, &g->values);
    proto_int(model, MODEL_IR_VERSION, IR_VERSION);
    proto_text(model, MODEL_PRODUCER, what->producer);
    proto_text(model, MODEL_PRODUCER_VERSION, what->version);
    proto_text(model, MODEL_DOC, what->description);
    proto_message(model, MODEL_GRAPH, &graph);
    proto_int(&opset, OPSET_VERSION, OPSET);
    proto_message(model, MODEL_OPSET, &opset);
}

void onnx_property(Proto *model, const char *key, const char *value)
{
    Proto entry = {0};
    proto_text(&entry, ENTRY_KEY, key);
    proto_text(&entry, ENTRY_VALUE, value);
    proto_message(model, MODEL_METADATA, &entry);
}
