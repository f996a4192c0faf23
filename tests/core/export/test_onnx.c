/* tests/core/export/test_onnx.c -- exported graphs, read back with a reader of protocol buffers
 * that knows nothing of the writer. */
#include "core/export/onnx.h"

#include <stdio.h>
#include <unistd.h>

#include "core/export/proto.h"
#include "core/layers/add.h"
#include "core/layers/avg_pool.h"
#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/dropout.h"
#include "core/layers/fork.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"
#include "tests/check.h"

static const char *file_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/test_onnx.%d", getpid());
    return path;
}

static uint8_t *file_bytes(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = xcalloc(1, 1 << 20);
    *size = fread(bytes, 1, 1 << 20, f);
    assert_true(*size < 1 << 20);
    fclose(f);
    return bytes;
}

/* ---- The writer of protocol buffers ---- */

static void check_message(Proto *m, const char *want, size_t size)
{
    Error err = {0};
    AtomicFile *file = NULL;
    size_t got_size;
    assert_int_equal(proto_size(m), size);
    CHECK_OK(atomic_file_open(file_path(), &file, &err), err);
    CHECK_OK(proto_write(m, file, &err), err);
    CHECK_OK(atomic_file_commit(file, &err), err);
    uint8_t *got = file_bytes(file_path(), &got_size);
    assert_int_equal(got_size, size);
    assert_memory_equal(got, want, size);
    free(got);
    unlink(file_path());
    proto_free(m);
}

#define CHECK_MESSAGE(m, bytes) check_message(m, bytes, sizeof(bytes) - 1)

/* The examples of the encoding's documentation, and the edges of a varint. */
static void fields_are_encoded_as_documented(void **state)
{
    (void)state;
    Proto m = {0}, part = {0};
    proto_int(&m, 1, 150);
    CHECK_MESSAGE(&m, "\x08\x96\x01");
    proto_text(&m, 2, "testing");
    CHECK_MESSAGE(&m, "\x12\x07testing");
    proto_int(&part, 1, 150);
    proto_message(&m, 3, &part);
    CHECK_MESSAGE(&m, "\x1a\x03\x08\x96\x01");
    proto_int(&m, 20, -2);
    CHECK_MESSAGE(&m, "\xa0\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    proto_int(&m, 1, 0);
    proto_int(&m, 1, 127);
    proto_int(&m, 1, 128);
    CHECK_MESSAGE(&m, "\x08\x00\x08\x7f\x08\x80\x01");
    proto_float(&m, 2, -1.5F);
    CHECK_MESSAGE(&m, "\x15\x00\x00\xc0\xbf");
    proto_text(&m, 1, "");
    CHECK_MESSAGE(&m, "\x0a\x00");
}

/* Large values stand where they were put, however deep the message. */
static void borrowed_bytes_stand_in_their_place(void **state)
{
    (void)state;
    Proto inner = {0}, middle = {0}, m = {0};
    proto_int(&inner, 1, 1);
    proto_borrow(&inner, 2, "abc", 3);
    proto_borrow(&inner, 3, "de", 2);
    proto_int(&inner, 4, 2);
    proto_text(&middle, 1, "x");
    proto_message(&middle, 2, &inner);
    proto_borrow(&middle, 3, "f", 1);
    proto_int(&m, 5, 3);
    proto_message(&m, 6, &middle);
    CHECK_MESSAGE(&m, "\x28\x03\x32\x15\x0a\x01x\x12\x0d\x08\x01\x12\x03"
                      "abc\x1a\x02"
                      "de\x20\x02\x1a\x01"
                      "f");
}

/* ---- A reader ---- */

typedef struct {
    const uint8_t *at, *end;
} Bytes;

typedef struct {
    int number;
    uint64_t value;  // of a varint, or of 32 bits
    Bytes bytes;     // of what has a length
} Field;

static uint64_t read_varint(Bytes *b)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(b->at < b->end && shift < 70);
        value |= (uint64_t)(*b->at & 0x7f) << shift;
        if (*b->at++ < 0x80)
            return value;
    }
}

static bool next_field(Bytes *b, Field *f)
{
    if (b->at == b->end)
        return false;
    const uint64_t key = read_varint(b);
    *f = (Field){.number = (int)(key >> 3)};
    size_t length = 0;
    switch (key & 7) {
    case 0:
        f->value = read_varint(b);
        return true;
    case 2:
        length = (size_t)read_varint(b);
        break;
    case 5:
        length = 4;
        break;
    default:
        fail_msg("wire type %d", (int)(key & 7));
    }
    assert_true(length <= (size_t)(b->end - b->at));
    f->bytes = (Bytes){b->at, b->at + length};
    b->at += length;
    return true;
}

/* Field `number`, the i-th of them. */
static Field field_of(Bytes m, int number, int i)
{
    Field f;
    while (next_field(&m, &f))
        if (f.number == number && i-- == 0)
            return f;
    return (Field){.number = 0};
}

static Bytes message_of(Bytes m, int number, int i)
{
    const Field f = field_of(m, number, i);
    assert_int_equal(f.number, number);
    return f.bytes;
}

static int count_of(Bytes m, int number)
{
    Field f;
    int count = 0;
    while (next_field(&m, &f))
        count += f.number == number;
    return count;
}

static bool is_text(Bytes b, const char *text)
{
    const size_t size = (size_t)(b.end - b.at);
    return strlen(text) == size && memcmp(b.at, text, size) == 0;
}

/* Numbers of fields in onnx.proto. */
enum {
    MODEL_GRAPH = 7,
    GRAPH_NODES = 1,
    GRAPH_CONSTANTS = 5,
    GRAPH_INPUTS = 11,
    GRAPH_OUTPUTS = 12
};

/* "Conv(image,0.weight,0.bias)->0 kernel_shape=7,7 strides=2,2 pads=3,3,3,3" */
static char *node_text(Bytes node)
{
    char text[512];
    size_t used = 0;
    Field f;
#define ADD(...)     used += (size_t)snprintf(text + used, sizeof text - used, __VA_ARGS__)
#define ADD_BYTES(b) ADD("%.*s", (int)((b).end - (b).at), (const char *)(b).at)
    ADD_BYTES(message_of(node, 4, 0));
    for (int i = 0; i < count_of(node, 1); i++) {
        ADD("%s", i ? "," : "(");
        ADD_BYTES(message_of(node, 1, i));
    }
    ADD(")->");
    ADD_BYTES(message_of(node, 2, 0));
    assert_int_equal(count_of(node, 2), 1);
    assert_int_equal(count_of(node, 3), 1);
    for (int a = 0; a < count_of(node, 5); a++) {
        Bytes attribute = message_of(node, 5, a);
        const int type = (int)field_of(attribute, 20, 0).value;
        ADD(" ");
        ADD_BYTES(message_of(attribute, 1, 0));
        for (int n = 0; next_field(&attribute, &f);) {
            float real;
            if (f.number == 2) {
                assert_int_equal(type, 1);
                memcpy(&real, f.bytes.at, sizeof real);
                ADD("=%g", (double)real);
            } else if (f.number == 3 || f.number == 8) {
                assert_int_equal(type, f.number == 3 ? 2 : 7);
                ADD("%s%lld", n++ ? "," : "=", (long long)f.value);
            }
        }
    }
#undef ADD
#undef ADD_BYTES
    assert_true(used < sizeof text);
    return xstrdup(text);
}

/* An exported file. */
typedef struct {
    uint8_t *bytes;
    Bytes model, graph;
} Exported;

static Exported export_it(const OnnxExport *what)
{
    Error err = {0};
    Exported e;
    size_t size, said;
    CHECK_OK(onnx_write(file_path(), what, &said, &err), err);
    e.bytes = file_bytes(file_path(), &size);
    assert_int_equal(said, size);
    unlink(file_path());
    e.model = (Bytes){e.bytes, e.bytes + size};
    e.graph = message_of(e.model, MODEL_GRAPH, 0);
    return e;
}

static void check_nodes(const Exported *e, const char *const *want, size_t count)
{
    assert_int_equal(count_of(e->graph, GRAPH_NODES), count);
    for (size_t i = 0; i < count; i++) {
        char *text = node_text(message_of(e->graph, GRAPH_NODES, (int)i));
        assert_string_equal(text, want[i]);
        free(text);
    }
}

/* The constant of that name: its dimensions must be these. */
static Bytes constant(const Exported *e, const char *name, int type, const int *dims, int rank)
{
    for (int i = 0; i < count_of(e->graph, GRAPH_CONSTANTS); i++) {
        const Bytes tensor = message_of(e->graph, GRAPH_CONSTANTS, i);
        if (!is_text(message_of(tensor, 8, 0), name))
            continue;
        assert_int_equal(field_of(tensor, 2, 0).value, type);
        assert_int_equal(count_of(tensor, 1), rank);
        for (int d = 0; d < rank; d++)
            assert_int_equal(field_of(tensor, 1, d).value, dims[d]);
        return message_of(tensor, 9, 0);
    }
    fail_msg("no constant %s", name);
    return (Bytes){0};
}

static void check_floats(const Exported *e, const char *name, const int *dims, int rank,
                         const float *want)
{
    size_t bytes = sizeof(float);
    for (int d = 0; d < rank; d++)
        bytes *= (size_t)dims[d];
    const Bytes raw = constant(e, name, 1, dims, rank);
    assert_int_equal(raw.end - raw.at, bytes);
    assert_memory_equal(raw.at, want, bytes);
}

/* An input or output: float, batch x dims. */
static void check_value(const Exported *e, int field, const char *name, const int *dims, int rank)
{
    assert_int_equal(count_of(e->graph, field), 1);
    const Bytes value = message_of(e->graph, field, 0);
    assert_true(is_text(message_of(value, 1, 0), name));
    const Bytes tensor = message_of(message_of(value, 2, 0), 1, 0);
    assert_int_equal(field_of(tensor, 1, 0).value, 1);
    const Bytes shape = message_of(tensor, 2, 0);
    assert_int_equal(count_of(shape, 1), rank + 1);
    assert_true(is_text(message_of(message_of(shape, 1, 0), 2, 0), "batch"));
    for (int d = 0; d < rank; d++)
        assert_int_equal(field_of(message_of(shape, 1, d + 1), 1, 0).value, dims[d]);
}

/* ---- Graphs ---- */

typedef struct {
    Graph *g;
    ParamStore *params;
    OnnxExport what;
} Fixture;

/* Numbers that float32 holds exactly, another for each place; variances above 0. */
static Fixture finish(Graph *g)
{
    Error err = {0};
    Fixture f = {.g = g};
    CHECK_OK(graph_check(g, &err), err);
    CHECK_OK(params_new(g, &f.params, &err), err);
    for (size_t i = 0; i < f.params->count; i++)
        f.params->values[i] = (float)(i % 64 + 1) / 64;
    f.what = (OnnxExport){.name = "small",
                          .program_version = "1.2.3",
                          .graph = g,
                          .params = f.params,
                          .without_preprocessing = true};
    return f;
}

static void fixture_free(Fixture *f)
{
    params_free(f->params);
    graph_free(f->g);
}

static float *values_of(const Fixture *f, const char *name)
{
    const Param *p = params_find(f->params, name);
    assert_non_null(p);
    return f->params->values + p->offset;
}

/* Every kind of layer but those after a linear one. */
static void every_layer_has_its_node(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){2, 11, 12});
    Node x = conv(g, graph_input(g), "a",
                  (Conv){.out = 4,
                         .kernel = 3,
                         .stride = 2,
                         .pad = 1,
                         .kernel_w = 5,
                         .stride_w = 1,
                         .pad_w = 2});
    x = relu(g, x, "b");
    Node left = slice(g, x, "left", (Slice){.first = 0, .channels = 1});
    Node right = slice(g, x, "right", (Slice){.first = 1, .channels = 3});
    x = concat(g, "joined", (Node[]){right, left}, 2);
    Node y = batch_norm(g, x, "norm", (BatchNorm){.eps = 0.001});
    x = add(g, x, y, "sum", (Add){.scale = 0.5F});
    x = avg_pool(g, x, "mean", (AvgPool){.kernel = 3, .stride = 1, .pad = 1});
    x = avg_pool(g, x, "mean_of_some", (AvgPool){.kernel = 3, .pad = 1, .skip_pads = true});
    x = max_pool(g, x, "most", (Pool){.kernel = 3, .stride = 2, .ceil = true});
    x = conv(g, x, "c", (Conv){.out = 3, .kernel = 1, .no_bias = true});
    x = add(g, x, x, "twice", (Add){0});
    x = global_avg_pool(g, x, "pooled");
    x = dropout(g, x, "dropped", (Dropout){.rate = 0.5F});
    linear(g, x, "last", (Linear){.out = 5});
    Fixture f = finish(g);
    f.what.keep_batch_norm = true;
    Exported e = export_it(&f.what);
    static const char *const WANT[] = {
        "Conv(image,a.weight,a.bias)->a kernel_shape=3,5 strides=2,1 pads=1,2,1,2",
        "Relu(a)->b",
        "Slice(b,left.starts,left.ends,left.axes)->left",
        "Slice(b,right.starts,right.ends,right.axes)->right",
        "Concat(right,left)->joined axis=1",
        "BatchNormalization(joined,norm.weight,norm.bias,norm.running_mean,norm.running_var)->norm "
        "epsilon=0.001",
        "Mul(norm,sum.scale)->sum.scaled",
        "Add(joined,sum.scaled)->sum",
        "AveragePool(sum)->mean kernel_shape=3,3 strides=1,1 pads=1,1,1,1 count_include_pad=1",
        "AveragePool(mean)->mean_of_some kernel_shape=3,3 strides=1,1 pads=1,1,1,1 "
        "count_include_pad=0",
        "MaxPool(mean_of_some)->most kernel_shape=3,3 strides=2,2 pads=0,0,1,1",
        "Conv(most,c.weight)->c kernel_shape=1,1 strides=1,1 pads=0,0,0,0",
        "Add(c,c)->twice",
        "GlobalAveragePool(twice)->pooled",
        "Flatten(pooled)->last.flat axis=1",
        "Gemm(last.flat,last.weight,last.bias)->last transB=1",
        "Flatten(last)->logits axis=1",
    };
    check_nodes(&e, WANT, COUNT(WANT));
    check_value(&e, GRAPH_INPUTS, "image", (int[]){2, 11, 12}, 3);
    check_value(&e, GRAPH_OUTPUTS, "logits", (int[]){5}, 1);
    check_floats(&e, "a.weight", (int[]){4, 2, 3, 5}, 4, values_of(&f, "a.weight"));
    check_floats(&e, "last.weight", (int[]){5, 3}, 2, values_of(&f, "last.weight"));
    check_floats(&e, "norm.running_var", (int[]){4}, 1, values_of(&f, "norm.running_var"));
    check_floats(&e, "sum.scale", NULL, 0, (float[]){0.5F});
    const Bytes ends = constant(&e, "right.ends", 7, (int[]){1}, 1);
    assert_memory_equal(ends.at, ((int64_t[]){4}), sizeof(int64_t));
    free(e.bytes);
    fixture_free(&f);
}

/* The pads behind an image where windows are counted rounded up, both ways of a table of sizes. */
static void pads_replace_rounding_up(void **state)
{
    (void)state;
    static const struct {
        Pool pool;
        int height, width;
        const char *pads;  // before, behind; NULL: no such pool
    } CASES[] = {
        {{.kernel = 3, .stride = 2, .ceil = true}, 6, 7, "0,0,1,0"},
        {{.kernel = 3, .stride = 2, .pad = 1, .ceil = true}, 6, 7, "1,1,2,1"},
        {{.kernel = 2, .stride = 2, .pad = 1, .ceil = true}, 4, 5, "1,1,1,0"},
        {{.kernel = 2, .stride = 3, .ceil = true}, 6, 7, "0,0,0,1"},
        {{.kernel = 1, .stride = 3, .ceil = true}, 6, 7, "0,0,0,0"},
        {{.kernel = 3, .stride = 2, .pad = 1}, 6, 7, "1,1,1,1"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Graph *g = graph_new((Shape){1, CASES[i].height, CASES[i].width});
        max_pool(g, graph_input(g), "pool", CASES[i].pool);
        const Shape dst = graph_shape(g, 1);
        Fixture f = finish(g);
        Exported e = export_it(&f.what);
        char *text = node_text(message_of(e.graph, GRAPH_NODES, 0));
        assert_string_equal(strstr(text, "pads=") + strlen("pads="), CASES[i].pads);
        // Rounded down, with these pads, it is the same count.
        int p[4];
        assert_int_equal(sscanf(CASES[i].pads, "%d,%d,%d,%d", &p[0], &p[1], &p[2], &p[3]), 4);
        const Pool *pool = &CASES[i].pool;
        assert_int_equal((CASES[i].height + p[0] + p[2] - pool->kernel) / pool->stride + 1,
                         dst.height);
        assert_int_equal((CASES[i].width + p[1] + p[3] - pool->kernel) / pool->stride + 1,
                         dst.width);
        free(text);
        free(e.bytes);
        fixture_free(&f);
    }
}

/* conv, batch_norm, relu, then two linear layers. */
static Fixture with_norm(void)
{
    Graph *g = graph_new((Shape){3, 4, 4});
    Node x = conv(g, graph_input(g), "0", (Conv){.out = 2, .kernel = 3, .pad = 1, .no_bias = true});
    x = batch_norm(g, x, "1", (BatchNorm){0});
    x = relu(g, x, "2");
    x = linear(g, x, "3", (Linear){.out = 3, .no_bias = true});
    x = relu(g, x, "4");
    linear(g, x, "5", (Linear){.out = 2});
    return finish(g);
}

static void a_folded_norm_is_in_the_conv(void **state)
{
    (void)state;
    Fixture f = with_norm();
    Exported e = export_it(&f.what);
    static const char *const WANT[] = {
        "Conv(image,0.weight,0.bias)->0 kernel_shape=3,3 strides=1,1 pads=1,1,1,1",
        "Relu(0)->2",
        "Flatten(2)->3.flat axis=1",
        "Gemm(3.flat,3.weight)->3 transB=1",
        "Relu(3)->4",
        "Gemm(4,5.weight,5.bias)->5 transB=1",
        "Flatten(5)->logits axis=1",
    };
    check_nodes(&e, WANT, COUNT(WANT));
    float bias[2];
    for (int o = 0; o < 2; o++) {
        const double s = (double)values_of(&f, "1.weight")[o]
                         / sqrt((double)values_of(&f, "1.running_var")[o] + 1e-5);
        bias[o] = (float)((double)values_of(&f, "1.bias")[o]
                          - s * (double)values_of(&f, "1.running_mean")[o]);
    }
    const Bytes raw = constant(&e, "0.bias", 1, (int[]){2}, 1);
    for (int o = 0; o < 2; o++) {
        float got;
        memcpy(&got, raw.at + sizeof got * (size_t)o, sizeof got);
        CHECK_NEAR((double)got, (double)bias[o], 1e-6);
    }
    free(e.bytes);
    fixture_free(&f);
}

static void preprocessing_is_in_the_graph(void **state)
{
    (void)state;
    Fixture f = with_norm();
    f.what.without_preprocessing = false;
    f.what.normalization = (Normalization){3, {0.25, 0.5, 0.125}, {0.5, 2, 4}};
    f.what.probabilities = true;
    Exported e = export_it(&f.what);
    static const char *const WANT[] = {
        "Div(pixels,preprocessing.scaled.by)->preprocessing.scaled",
        "Sub(preprocessing.scaled,preprocessing.centred.by)->preprocessing.centred",
        "Div(preprocessing.centred,preprocessing.normalised.by)->preprocessing.normalised",
        ("Conv(preprocessing.normalised,0.weight,0.bias)->0 kernel_shape=3,3 strides=1,1 "
         "pads=1,1,1,1"),
    };
    for (size_t i = 0; i < COUNT(WANT); i++) {
        char *text = node_text(message_of(e.graph, GRAPH_NODES, (int)i));
        assert_string_equal(text, WANT[i]);
        free(text);
    }
    char *last = node_text(message_of(e.graph, GRAPH_NODES, count_of(e.graph, GRAPH_NODES) - 1));
    assert_string_equal(last, "Softmax(logits)->probabilities axis=1");
    free(last);
    check_value(&e, GRAPH_INPUTS, "pixels", (int[]){3, 4, 4}, 3);
    check_value(&e, GRAPH_OUTPUTS, "probabilities", (int[]){2}, 1);
    const int one[] = {1, 1, 1, 1}, three[] = {1, 3, 1, 1};
    check_floats(&e, "preprocessing.scaled.by", one, 4, (float[]){255});
    check_floats(&e, "preprocessing.centred.by", three, 4, (float[]){0.25F, 0.5F, 0.125F});
    check_floats(&e, "preprocessing.normalised.by", three, 4, (float[]){0.5F, 2, 4});
    free(e.bytes);
    fixture_free(&f);
}

static void the_model_says_what_it_is(void **state)
{
    (void)state;
    Fixture f = with_norm();
    const OnnxProperty properties[] = {{"model", "small"}, {"class_names", "[\"a\",\"b\"]"}};
    f.what.properties = properties;
    f.what.property_count = COUNT(properties);
    Exported e = export_it(&f.what);
    assert_int_equal(field_of(e.model, 1, 0).value, 7);
    assert_true(is_text(message_of(e.model, 2, 0), "googlenetd"));
    assert_true(is_text(message_of(e.model, 3, 0), "1.2.3"));
    assert_int_equal(count_of(e.model, 8), 1);
    assert_int_equal(field_of(message_of(e.model, 8, 0), 2, 0).value, 13);
    assert_true(is_text(message_of(e.graph, 2, 0), "small"));
    assert_int_equal(count_of(e.model, 14), 3);
    for (int i = 0; i < 2; i++) {
        const Bytes entry = message_of(e.model, 14, i);
        assert_true(is_text(message_of(entry, 1, 0), properties[i].key));
        assert_true(is_text(message_of(entry, 2, 0), properties[i].value));
    }
    assert_true(is_text(message_of(message_of(e.model, 14, 2), 2, 0), "pixels / 255"));
    free(e.bytes);
    fixture_free(&f);
}

/* Byte by byte what onnx writes, too: tests/golden/export.py --tiny has made it. */
static void a_tiny_model_is_the_golden_file(void **state)
{
    (void)state;
    Fixture f = with_norm();
    const OnnxProperty properties[] = {{"class_names", "[\"a\",\"b\"]"}};
    f.what.properties = properties;
    f.what.property_count = COUNT(properties);
    f.what.without_preprocessing = false;
    f.what.keep_batch_norm = true;
    Exported e = export_it(&f.what);
    size_t size;
    uint8_t *golden = file_bytes(TESTS_DIR "/golden/tiny.onnx", &size);
    assert_int_equal(e.model.end - e.model.at, size);
    assert_memory_equal(e.bytes, golden, size);
    free(golden);
    free(e.bytes);
    fixture_free(&f);
}

/* ---- Refusals ---- */

static void check_refused(Graph *g, Normalization normalization, const char *message)
{
    Error err = {0};
    Fixture f = finish(g);
    f.what.normalization = normalization;
    CHECK_REFUSED(onnx_write(file_path(), &f.what, NULL, &err), err, ERR_INVALID, message);
    assert_int_not_equal(access(file_path(), F_OK), 0);
    fixture_free(&f);
}

static void what_has_no_form_is_refused(void **state)
{
    (void)state;
    const Normalization none = {0};
    Graph *g = graph_new((Shape){1, 4, 4});
    fork_value(g, graph_input(g), "twice", (Fork){0});
    check_refused(g, none, "twice: a layer of kind fork has no form in ONNX here");
    g = graph_new((Shape){1, 4, 4});
    Node x = linear(g, graph_input(g), "flat", (Linear){.out = 3});
    conv(g, x, "conv", (Conv){.out = 2, .kernel = 1});
    check_refused(g, none, "conv: a conv of a linear layer's result has no form in ONNX here");
    g = graph_new((Shape){1, 4, 4});
    linear(g, graph_input(g), "flat", (Linear){.out = 3});
    check_refused(g, (Normalization){3, {0}, {1, 1, 1}},
                  "normalization is of 3 channels, the images have 1");
}

static void a_file_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    Error err = {0};
    Fixture f = with_norm();
    assert_false(onnx_write("/no/such/folder/x.onnx", &f.what, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "/no/such/folder/x.onnx"));
    fixture_free(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_encoded_as_documented),
        cmocka_unit_test(borrowed_bytes_stand_in_their_place),
        cmocka_unit_test(every_layer_has_its_node),
        cmocka_unit_test(pads_replace_rounding_up),
        cmocka_unit_test(a_folded_norm_is_in_the_conv),
        cmocka_unit_test(preprocessing_is_in_the_graph),
        cmocka_unit_test(the_model_says_what_it_is),
        cmocka_unit_test(a_tiny_model_is_the_golden_file),
        cmocka_unit_test(what_has_no_form_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_written_is_said),
    };
    return RUN_TESTS(tests);
}
