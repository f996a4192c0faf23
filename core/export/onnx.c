#include "core/export/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/export/onnx_layers.h"
#include "core/net/folded.h"

/* ---- Before the first layer ---- */

/* One step of the preprocessing: `op` with a number for each channel, or one for all. */
static void add_step(OnnxGraph *graph, const char *op, const char *src, const char *dst,
                     const double *numbers, int count)
{
    float floats[NORMALIZATION_MAX_CHANNELS];
    for (int i = 0; i < count; i++)
        floats[i] = (float)numbers[i];
    char *constant = xasprintf("%s.by", dst);
    const int64_t dims[] = {1, count, 1, 1};
    onnx_float_copy(graph, constant, dims, 4, floats);
    onnx_node(graph, &(OnnxNode){.op = op, .output = dst, .inputs = {src, constant}}, NULL, 0);
    free(constant);
}

/* As core/data/normalization.h says it. Returns the name of the value that the network takes. */
static const char *add_preprocessing(OnnxGraph *graph, const Normalization *n)
{
    static const char SCALED[] = "preprocessing.scaled", CENTRED[] = "preprocessing.centred",
                      NORMALISED[] = "preprocessing.normalised";
    static const double LARGEST = 255;
    add_step(graph, "Div", "pixels", SCALED, &LARGEST, 1);
    if (n->channels == 0)
        return SCALED;
    add_step(graph, "Sub", SCALED, CENTRED, n->mean, n->channels);
    add_step(graph, "Div", CENTRED, NORMALISED, n->deviation, n->channels);
    return NORMALISED;
}

static void add_input(const OnnxExport *what, OnnxWriter *w)
{
    const Node input = graph_input(w->source);
    const Shape s = graph_shape(w->source, input);
    const int64_t dims[] = {s.channels, s.height, s.width};
    const char *name = what->without_preprocessing ? "image" : "pixels";
    onnx_input(w->graph, name, dims, 3);
    w->values[input] =
        what->without_preprocessing ? name : add_preprocessing(w->graph, &what->normalization);
}

/* ---- Behind the last ---- */

static void add_output(const OnnxExport *what, OnnxWriter *w)
{
    const OnnxAttribute axis = {.name = "axis", .number = 1};
    const Node last = graph_output(w->source);
    const Shape s = graph_shape(w->source, last);
    const int64_t classes = (int64_t)shape_count(s);
    // Of a vector it is the vector: no more than a name.
    onnx_node(w->graph,
              &(OnnxNode){.op = "Flatten", .output = "logits", .inputs = {w->values[last]}}, &axis,
              1);
    if (what->probabilities)
        onnx_node(w->graph,
                  &(OnnxNode){.op = "Softmax", .output = "probabilities", .inputs = {"logits"}},
                  &axis, 1);
    onnx_output(w->graph, what->probabilities ? "probabilities" : "logits", &classes, 1);
}

/* ---- The whole ---- */

static bool add_graph(const OnnxExport *what, const Graph *g, const ParamStore *params,
                      OnnxGraph *graph, Error *err)
{
    const size_t nodes = (size_t)graph_node_count(g);
    OnnxWriter w = {.graph = graph, .source = g, .params = params};
    w.values = xcalloc(nodes, sizeof *w.values);
    w.flat = xcalloc(nodes, sizeof *w.flat);
    add_input(what, &w);
    bool ok = true;
    for (Node n = 1; ok && n < graph_node_count(g); n++)
        ok = onnx_layer(&w, n, err);
    if (ok)
        add_output(what, &w);
    free(w.values);
    free(w.flat);
    return ok;
}

static const char *about_input(const OnnxExport *what)
{
    if (!what->without_preprocessing)
        return "pixels, 0 to 255; scaling and normalisation are in the graph";
    return what->normalization.channels > 0
               ? "pixels / 255, less the mean of their channel, divided by its deviation"
               : "pixels / 255";
}

static void add_properties(const OnnxExport *what, Proto *model)
{
    for (int i = 0; i < what->property_count; i++)
        onnx_property(model, what->properties[i].key, what->properties[i].value);
    onnx_property(model, "input", about_input(what));
}

static bool write_model(const char *path, const Proto *model, Error *err)
{
    AtomicFile *file = NULL;
    if (proto_size(model) > ONNX_MODEL_BYTES_MAX)
        return fail(err, ERR_INVALID, "%s would have %zu MB, and an ONNX file can have 2048", path,
                    proto_size(model) >> 20);
    if (!atomic_file_open(path, &file, err))
        return false;
    if (proto_write(model, file, err))
        return atomic_file_commit(file, err);
    atomic_file_cancel(file);
    return false;
}

static bool check(const OnnxExport *what, Error *err)
{
    const int channels = graph_shape(what->graph, graph_input(what->graph)).channels;
    const int given = what->normalization.channels;
    return given == 0 || given == channels
           || fail(err, ERR_INVALID, "normalization is of %d channel%s, the images have %d", given,
                   given == 1 ? "" : "s", channels);
}

bool onnx_write(const char *path, const OnnxExport *what, size_t *bytes, Error *err)
{
    Folded *folded = NULL;
    if (!check(what, err)
        || (!what->keep_batch_norm && !folded_new(what->graph, what->params, &folded, err)))
        return false;
    if (folded)
        folded_update(folded, 1);
    OnnxGraph graph = {0};
    Proto model = {0};
    bool ok = add_graph(what, folded ? folded_graph(folded) : what->graph,
                        folded ? folded_params(folded) : what->params, &graph, err);
    if (ok) {
        char *about = xasprintf("%s, an image classifier", what->name);
        onnx_model(&model,
                   &(OnnxModel){.producer = "googlenetd",
                                .version = what->program_version,
                                .description = about,
                                .graph_name = what->name},
                   &graph);
        add_properties(what, &model);
        free(about);
        if (bytes)
            *bytes = proto_size(&model);
        ok = write_model(path, &model, err);
    }
    onnx_graph_free(&graph);
    proto_free(&model);
    folded_free(folded);
    return ok;
}
