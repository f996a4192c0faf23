/* googlenetd summary -- a network layer by layer, without making or training it. */
#include <cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/models/models.h"
#include "core/net/costs.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/output.h"

/* ---- Options ---- */

typedef struct {
    int image_size, channels, classes;
    bool json, compare;
} SummaryArgs;

#define AT(field) .offset = offsetof(SummaryArgs, field)
static const Option OPTIONS[] = {
    {"image-size", "N", "side of the image in pixels; else the network's default", OPTION_INT,
     AT(image_size), .min = 1, .max = 4096},
    {"channels", "C", "channels of the image; else 1", OPTION_INT, AT(channels), .min = 1,
     .max = 1024},
    {"classes", "K", "classes to tell apart; else 10", OPTION_INT, AT(classes), .min = 1,
     .max = MODEL_MAX_CLASSES},
    {"compare", NULL, "set networks side by side, each at its default image size", OPTION_FLAG,
     AT(compare)},
    {"json", NULL, "print JSON", OPTION_FLAG, AT(json)},
};

static const Syntax SYNTAX = {
    .usage =
        "summary [NETWORK...] [--compare] [--image-size N] [--channels C] [--classes K] [--json]",
    .about = "Show a network layer by layer: the shape of its output, its parameters, and its\n"
             "multiply-adds for one image forward; then its stages. NETWORK is googlenet unless\n"
             "given. With --compare, a line for each network, of all if none is named: where its\n"
             "parameters sit, its multiply-adds, the memory of a training in float32 with batches\n"
             "of 128, and the smallest image that it takes.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .max_words = 32,
};

/* ---- Text ---- */

enum { SHAPE_TEXT = 48, NUMBER_WIDTH = 32 };

/* "64 x 24 x 24"; "1024" where the image is a single pixel. */
static const char *shape_text(Shape s, char text[SHAPE_TEXT])
{
    if (s.height == 1 && s.width == 1)
        snprintf(text, SHAPE_TEXT, "%d", s.channels);
    else
        snprintf(text, SHAPE_TEXT, "%d x %d x %d", s.channels, s.height, s.width);
    return text;
}

/* "5,977,530" */
static const char *grouped(int64_t value, char text[NUMBER_WIDTH])
{
    char digits[NUMBER_WIDTH];
    const int length = snprintf(digits, sizeof digits, "%" PRId64, value);
    char *at = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

/* As wide as the longest name of a node. */
static int name_width(const Graph *g)
{
    int width = output_wider(0, "total");
    for (Node n = 1; n < graph_node_count(g); n++)
        width = output_wider(width, graph_node(g, n)->name);
    return width;
}

static void print_row(int width, const char *name, const char *type, const char *shape,
                      int64_t parameters, int64_t multiply_adds)
{
    char p[NUMBER_WIDTH], m[NUMBER_WIDTH];
    printf("%-*s %-16s %14s %12s %14s\n", width, name, type, shape, grouped(parameters, p),
           grouped(multiply_adds, m));
}

static void print_text(const Model *model, const Graph *g, int classes)
{
    char shape[SHAPE_TEXT];
    const int width = name_width(g);
    printf("%s, images of %s, %d classes\n\n", model->title,
           shape_text(graph_shape(g, graph_input(g)), shape), classes);
    printf("%-*s %-16s %14s %12s %14s\n", width, "name", "type", "output", "parameters",
           "multiply-adds");
    for (Node n = 1; n < graph_node_count(g); n++) {
        const GraphNode *node = graph_node(g, n);
        print_row(width, node->name, node->type->name, shape_text(node->spec.dst, shape),
                  graph_node_parameters(node), node->spec.multiply_adds);
    }
    print_row(width, "total", "", "", graph_parameter_count(g), graph_multiply_adds(g));
    printf("\n");
    for (int i = 0; model->stages[i]; i++)
        printf("stage %d  %s\n", i + 1,
               shape_text(graph_shape(g, graph_find(g, model->stages[i])), shape));
}

/* ---- JSON ---- */

static cJSON *shape_json(Shape s)
{
    return cJSON_CreateIntArray((int[]){s.channels, s.height, s.width}, 3);
}

static cJSON *layer_json(const GraphNode *node)
{
    cJSON *layer = cJSON_CreateObject();
    cJSON_AddStringToObject(layer, "name", node->name);
    cJSON_AddStringToObject(layer, "type", node->type->name);
    cJSON_AddItemToObject(layer, "output_shape", shape_json(node->spec.dst));
    cJSON_AddNumberToObject(layer, "parameters", (double)graph_node_parameters(node));
    cJSON_AddNumberToObject(layer, "multiply_adds", (double)node->spec.multiply_adds);
    return layer;
}

static void print_json(const Model *model, const Graph *g, int classes)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "network", model->name);
    cJSON_AddStringToObject(json, "title", model->title);
    cJSON_AddItemToObject(json, "input_shape", shape_json(graph_shape(g, graph_input(g))));
    cJSON_AddNumberToObject(json, "classes", classes);
    cJSON_AddNumberToObject(json, "parameters", (double)graph_parameter_count(g));
    cJSON_AddNumberToObject(json, "multiply_adds", (double)graph_multiply_adds(g));
    cJSON *stages = cJSON_AddArrayToObject(json, "stages");
    for (int i = 0; model->stages[i]; i++) {
        cJSON *stage = cJSON_CreateObject();
        cJSON_AddStringToObject(stage, "ends_with", model->stages[i]);
        cJSON_AddItemToObject(stage, "output_shape",
                              shape_json(graph_shape(g, graph_find(g, model->stages[i]))));
        cJSON_AddItemToArray(stages, stage);
    }
    cJSON *layers = cJSON_AddArrayToObject(json, "layers");
    for (Node n = 1; n < graph_node_count(g); n++)
        cJSON_AddItemToArray(layers, layer_json(graph_node(g, n)));
    output_json(json);
    cJSON_Delete(json);
}

/* ---- Side by side ---- */

static Graph *graph_for(const Model *model, const SummaryArgs *a, Error *err)
{
    const int side = a->image_size ? a->image_size : model->image_size;
    const int smallest = model_smallest_image(model, a->channels);
    if (side < smallest) {
        fail(err, ERR_INVALID, "--image-size must be %d or more for %s, got %d", smallest,
             model->name, side);
        return NULL;
    }
    return model_graph(model, (Shape){a->channels, side, side}, a->classes, err);
}

static void print_costs(const Model *model, int side, int smallest, const Costs *c)
{
    char parameters[NUMBER_WIDTH], conv[NUMBER_WIDTH], linear[NUMBER_WIDTH], work[NUMBER_WIDTH],
        bytes[NUMBER_WIDTH];
    printf("%-22s %5d %13s %13s %13s %15s %9s MB %8d\n", model->name, side,
           grouped(c->parameters, parameters), grouped(c->convolution_parameters, conv),
           grouped(c->linear_parameters, linear), grouped(c->multiply_adds, work),
           grouped((int64_t)(c->training_bytes / 1000000), bytes), smallest);
}

static cJSON *costs_json(const Model *model, int side, int smallest, const Costs *c)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "network", model->name);
    cJSON_AddNumberToObject(json, "image_size", side);
    cJSON_AddNumberToObject(json, "parameters", (double)c->parameters);
    cJSON_AddNumberToObject(json, "convolution_parameters", (double)c->convolution_parameters);
    cJSON_AddNumberToObject(json, "linear_parameters", (double)c->linear_parameters);
    cJSON_AddNumberToObject(json, "multiply_adds", (double)c->multiply_adds);
    cJSON_AddNumberToObject(json, "training_memory_bytes", (double)c->training_bytes);
    cJSON_AddNumberToObject(json, "smallest_image_size", smallest);
    return json;
}

/* A row of a table, or an entry of `rows` where there is one. */
static bool compare_one(const Model *model, const SummaryArgs *a, cJSON *rows, Error *err)
{
    Graph *g = graph_for(model, a, err);
    if (!g)
        return false;
    const Costs costs = graph_costs(g);
    const int side = graph_shape(g, graph_input(g)).height;
    const int smallest = model_smallest_image(model, a->channels);
    if (rows)
        cJSON_AddItemToArray(rows, costs_json(model, side, smallest, &costs));
    else
        print_costs(model, side, smallest, &costs);
    graph_free(g);
    return true;
}

static int compare(const SummaryArgs *a, int count, char **names)
{
    Error err = {0};
    size_t all;
    const Model *models = models_table(&all);
    const int rows = count ? count : (int)all;
    cJSON *json = a->json ? cJSON_CreateArray() : NULL;
    if (!json)
        printf("%-22s %5s %13s %13s %13s %15s %12s %8s\n", "network", "image", "parameters",
               "convolutions", "linear", "multiply-adds", "training", "smallest");
    bool ok = true;
    for (int i = 0; ok && i < rows; i++) {
        const Model *model = count ? args_model(names[i]) : &models[i];
        ok = model && compare_one(model, a, json, &err);
    }
    if (ok && json)
        output_json(json);
    cJSON_Delete(json);
    if (err.code != ERR_NONE)
        output_error("%s", err.message);
    return ok ? EXIT_OK : EXIT_USAGE;
}

/* ---- The command ---- */

int cmd_summary(int argc, char **argv)
{
    SummaryArgs a = {.channels = 1, .classes = 10};
    int first_word, exit_code;
    if (!args_read(&SYNTAX, argc, argv, &a, &first_word, &exit_code))
        return exit_code;
    if (a.compare)
        return compare(&a, argc - first_word, argv + first_word);
    Error err = {0};
    if (argc - first_word > 1) {
        output_error("%s is one argument too many; --compare takes several", argv[first_word + 1]);
        return EXIT_USAGE;
    }
    const Model *model = args_model(first_word < argc ? argv[first_word] : "googlenet");
    if (!model)
        return EXIT_USAGE;
    Graph *g = graph_for(model, &a, &err);
    if (!g) {
        output_error("%s", err.message);
        return EXIT_USAGE;
    }
    (a.json ? print_json : print_text)(model, g, a.classes);
    graph_free(g);
    return EXIT_OK;
}
