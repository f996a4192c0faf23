#include "core/export/onnx_layers.h"

#include <stdlib.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/layers/add.h"
#include "core/layers/avg_pool.h"
#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/dropout.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"

/* ---- Pieces ---- */

/* Name of the value of source i. */
static const char *source(const OnnxWriter *w, const GraphNode *node, int i)
{
    return w->values[node->srcs[i]];
}

/* The node's i-th parameter as a constant. Returns its name. */
static const char *parameter(const OnnxWriter *w, const GraphNode *node, int i)
{
    char *name = xasprintf("%s.%s", node->name, node->spec.params[i].name);
    const Param *p = params_find(w->params, name);
    free(name);
    INVARIANT(p != NULL);
    int64_t dims[GRAPH_MAX_DIMS];
    for (int d = 0; d < p->dim_count; d++)
        dims[d] = p->dims[d];
    onnx_floats(w->graph, p->name, dims, p->dim_count, w->params->values + p->offset);
    return p->name;
}

/* A node with one source and nothing else to say. */
static void emit_plain(const OnnxWriter *w, const GraphNode *node, const char *op)
{
    onnx_node(w->graph, &(OnnxNode){.op = op, .output = node->name, .inputs = {source(w, node, 0)}},
              NULL, 0);
}

/* Rows and columns of a window, both ends of each padded. */
typedef struct {
    int64_t kernel[2], strides[2];
    int64_t pads[4];  // before the rows, before the columns, behind the rows, behind the columns
} OnnxWindow;

enum { WINDOW_ATTRIBUTES = 3 };

static void window_attributes(const OnnxWindow *win, OnnxAttribute a[WINDOW_ATTRIBUTES])
{
    a[0] = (OnnxAttribute){.name = "kernel_shape", .list = win->kernel, .count = 2};
    a[1] = (OnnxAttribute){.name = "strides", .list = win->strides, .count = 2};
    a[2] = (OnnxAttribute){.name = "pads", .list = win->pads, .count = 4};
}

/* ---- Kinds of layers ---- */

static void emit_conv(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    const Conv *c = node->config;
    INVARIANT(!c->relu);
    const OnnxWindow win = {.kernel = {c->kernel, c->kernel_w},
                            .strides = {c->stride, c->stride_w},
                            .pads = {c->pad, c->pad_w, c->pad, c->pad_w}};
    OnnxAttribute attributes[WINDOW_ATTRIBUTES];
    window_attributes(&win, attributes);
    OnnxNode conv = {.op = "Conv", .output = node->name, .inputs = {source(w, node, 0)}};
    for (int i = 0; i < node->spec.param_count; i++)
        conv.inputs[1 + i] = parameter(w, node, i);
    onnx_node(w->graph, &conv, attributes, WINDOW_ATTRIBUTES);
}

static void emit_linear(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    const char *src = source(w, node, 0);
    char *flat = xasprintf("%s.flat", node->name);
    if (!w->flat[node->srcs[0]]) {
        const OnnxAttribute axis = {.name = "axis", .number = 1};
        onnx_node(w->graph, &(OnnxNode){.op = "Flatten", .output = flat, .inputs = {src}}, &axis,
                  1);
        src = flat;
    }
    OnnxNode gemm = {.op = "Gemm", .output = node->name, .inputs = {src}};
    for (int i = 0; i < node->spec.param_count; i++)
        gemm.inputs[1 + i] = parameter(w, node, i);
    onnx_node(w->graph, &gemm, &(OnnxAttribute){.name = "transB", .number = 1}, 1);
    free(flat);
    w->flat[n] = true;
}

static void emit_relu(OnnxWriter *w, Node n)
{
    emit_plain(w, graph_node(w->source, n), "Relu");
}

/* The pad behind the image that windows reach over when they are counted rounded up. It gives the
 * same count rounded down, so that ceil_mode, which runtimes count in two ways, is not needed. */
static int64_t pad_behind(int src, int dst, int kernel, int stride, int pad)
{
    const int needed = (dst - 1) * stride + kernel - src - pad;
    return needed > 0 ? needed : 0;
}

static void emit_max_pool(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    const Pool *p = node->config;
    const Shape src = graph_shape(w->source, node->srcs[0]), dst = node->spec.dst;
    OnnxWindow win = {.kernel = {p->kernel, p->kernel_w},
                      .strides = {p->stride, p->stride_w},
                      .pads = {p->pad, p->pad_w, p->pad, p->pad_w}};
    if (p->ceil) {
        win.pads[2] = pad_behind(src.height, dst.height, p->kernel, p->stride, p->pad);
        win.pads[3] = pad_behind(src.width, dst.width, p->kernel_w, p->stride_w, p->pad_w);
    }
    OnnxAttribute attributes[WINDOW_ATTRIBUTES];
    window_attributes(&win, attributes);
    const OnnxNode pool = {.op = "MaxPool", .output = node->name, .inputs = {source(w, node, 0)}};
    onnx_node(w->graph, &pool, attributes, WINDOW_ATTRIBUTES);
}

static void emit_avg_pool(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    const AvgPool *p = node->config;
    const OnnxWindow win = {.kernel = {p->kernel, p->kernel_w},
                            .strides = {p->stride, p->stride_w},
                            .pads = {p->pad, p->pad_w, p->pad, p->pad_w}};
    OnnxAttribute attributes[WINDOW_ATTRIBUTES + 1];
    window_attributes(&win, attributes);
    attributes[WINDOW_ATTRIBUTES] =
        (OnnxAttribute){.name = "count_include_pad", .number = !p->skip_pads};
    const OnnxNode pool = {
        .op = "AveragePool", .output = node->name, .inputs = {source(w, node, 0)}};
    onnx_node(w->graph, &pool, attributes, WINDOW_ATTRIBUTES + 1);
}

static void emit_global_avg_pool(OnnxWriter *w, Node n)
{
    emit_plain(w, graph_node(w->source, n), "GlobalAveragePool");
}

static void emit_concat(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    OnnxNode concat = {.op = "Concat", .output = node->name};
    for (int i = 0; i < node->src_count; i++)
        concat.inputs[i] = source(w, node, i);
    onnx_node(w->graph, &concat, &(OnnxAttribute){.name = "axis", .number = 1}, 1);
}

static void emit_slice(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    const Slice *s = node->config;
    char *starts = xasprintf("%s.starts", node->name), *ends = xasprintf("%s.ends", node->name),
         *axes = xasprintf("%s.axes", node->name);
    onnx_integers(w->graph, starts, (int64_t[]){s->first}, 1);
    onnx_integers(w->graph, ends, (int64_t[]){s->first + s->channels}, 1);
    onnx_integers(w->graph, axes, (int64_t[]){1}, 1);
    const OnnxNode slice = {
        .op = "Slice", .output = node->name, .inputs = {source(w, node, 0), starts, ends, axes}};
    onnx_node(w->graph, &slice, NULL, 0);
    free(starts);
    free(ends);
    free(axes);
}

static void emit_add(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    const Add *a = node->config;
    INVARIANT(!a->relu);
    const char *second = source(w, node, 1);
    char *scale = xasprintf("%s.scale", node->name), *scaled = xasprintf("%s.scaled", node->name);
    if (a->scale != 1) {
        onnx_float_copy(w->graph, scale, NULL, 0, &a->scale);
        onnx_node(w->graph, &(OnnxNode){.op = "Mul", .output = scaled, .inputs = {second, scale}},
                  NULL, 0);
        second = scaled;
    }
    onnx_node(
        w->graph,
        &(OnnxNode){.op = "Add", .output = node->name, .inputs = {source(w, node, 0), second}},
        NULL, 0);
    free(scale);
    free(scaled);
}

/* All but the counter are its inputs, in ONNX's order as in ours: scale, shift, mean, variance. */
static void emit_batch_norm(OnnxWriter *w, Node n)
{
    const GraphNode *node = graph_node(w->source, n);
    const BatchNorm *b = node->config;
    INVARIANT(!b->relu);
    OnnxNode norm = {
        .op = "BatchNormalization", .output = node->name, .inputs = {source(w, node, 0)}};
    for (int i = 0; i < node->spec.param_count; i++)
        if (node->spec.params[i].role != ROLE_COUNTER)
            norm.inputs[1 + i] = parameter(w, node, i);
    const float epsilon = (float)b->eps;
    onnx_node(w->graph, &norm, &(OnnxAttribute){.name = "epsilon", .real = &epsilon}, 1);
}

static void emit_nothing(OnnxWriter *w, Node n)
{
    w->values[n] = source(w, graph_node(w->source, n), 0);
}

typedef struct {
    const LayerType *type;
    void (*emit)(OnnxWriter *w, Node n);
    bool takes_flat;  // a vector in the place of a map
} Emitter;

static const Emitter EMITTERS[] = {
    {&ADD, emit_add, true},
    {&AVG_POOL, emit_avg_pool, false},
    {&BATCH_NORM, emit_batch_norm, true},
    {&CONCAT, emit_concat, true},
    {&CONV, emit_conv, false},
    {&DROPOUT, emit_nothing, true},
    {&GLOBAL_AVG_POOL, emit_global_avg_pool, false},
    {&LINEAR, emit_linear, true},
    {&MAX_POOL, emit_max_pool, false},
    {&RELU, emit_relu, true},
    {&SLICE, emit_slice, true},
};

bool onnx_layer(OnnxWriter *w, Node n, Error *err)
{
    const GraphNode *node = graph_node(w->source, n);
    for (size_t i = 0; i < COUNT(EMITTERS); i++) {
        const Emitter *e = &EMITTERS[i];
        if (node->type != e->type)
            continue;
        const bool flat = w->flat[node->srcs[0]];
        for (int s = 0; s < node->src_count; s++)
            if (w->flat[node->srcs[s]] != flat || (flat && !e->takes_flat))
                return fail(err, ERR_INVALID,
                            "%s: a %s of a linear layer's result has no form in "
                            "ONNX here",
                            node->name, node->type->name);
        w->values[n] = node->name;
        w->flat[n] = flat;
        e->emit(w, n);
        return true;
    }
    return fail(err, ERR_INVALID, "%s: a layer of kind %s has no form in ONNX here", node->name,
                node->type->name);
}
