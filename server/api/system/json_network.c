#include "server/api/system/json_network.h"

#include "core/layers/conv/conv.h"
#include "core/net/costs.h"

static cJSON *shape_to_json(Shape shape)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "channels", shape.channels);
    cJSON_AddNumberToObject(json, "height", shape.height);
    cJSON_AddNumberToObject(json, "width", shape.width);
    return json;
}

static cJSON *network_to_json(const Model *network)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "id", network->name);
    cJSON_AddStringToObject(json, "object", "network");
    cJSON_AddStringToObject(json, "title", network->title);
    cJSON_AddStringToObject(json, "about", network->about);
    cJSON_AddNumberToObject(json, "image_size", network->image_size);
    cJSON_AddNumberToObject(json, "smallest_image_size", model_smallest_image(network, 1));
    const BlockList blocks = model_blocks(network);
    cJSON_AddItemToObject(json, "blocks", blocks_to_json(&blocks));
    return json;
}

static void add_costs(cJSON *json, const Graph *g)
{
    const Costs c = graph_costs(g);
    cJSON_AddNumberToObject(json, "parameters", (double)c.parameters);
    cJSON_AddNumberToObject(json, "convolution_parameters", (double)c.convolution_parameters);
    cJSON_AddNumberToObject(json, "linear_parameters", (double)c.linear_parameters);
    cJSON_AddNumberToObject(json, "multiply_adds", (double)c.multiply_adds);
    cJSON_AddNumberToObject(json, "training_memory_bytes", (double)c.training_bytes);
}

cJSON *network_costs_to_json(const Model *network)
{
    cJSON *json = network_to_json(network);
    const Shape input = {1, network->image_size, network->image_size};
    Graph *g = model_graph(network, input, 10, NULL);
    if (g)
        add_costs(json, g);
    graph_free(g);
    return json;
}

static cJSON *layer_to_json(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", node->name);
    cJSON_AddStringToObject(json, "type", node->type ? node->type->name : "input");
    cJSON *inputs = cJSON_AddArrayToObject(json, "inputs");
    for (int i = 0; i < node->src_count; i++)
        cJSON_AddItemToArray(inputs, cJSON_CreateString(graph_node(g, node->srcs[i])->name));
    cJSON_AddItemToObject(json, "shape", shape_to_json(graph_shape(g, n)));
    cJSON_AddNumberToObject(json, "parameters", (double)graph_node_parameters(node));
    cJSON_AddNumberToObject(json, "multiply_adds", (double)node->spec.multiply_adds);
    if (node->type == &CONV) {
        const Conv *c = node->config;
        const int kernel[] = {c->kernel, c->kernel_w ? c->kernel_w : c->kernel};
        cJSON_AddItemToObject(json, "kernel", cJSON_CreateIntArray(kernel, 2));
    }
    return json;
}

cJSON *network_summary_to_json(const Model *network, Shape input, ModelOptions options, Error *err)
{
    Graph *g = model_graph_with(network, input, options, err);
    if (!g)
        return NULL;
    cJSON *json = network_to_json(network);
    cJSON_AddItemToObject(json, "input", shape_to_json(input));
    cJSON_AddNumberToObject(json, "classes", options.classes);
    add_costs(json, g);
    cJSON *stages = cJSON_AddArrayToObject(json, "stages");
    for (const char *const *name = network->stages; name && *name; name++) {
        cJSON *stage = cJSON_CreateObject();
        cJSON_AddStringToObject(stage, "name", *name);
        cJSON_AddItemToObject(stage, "shape", shape_to_json(graph_shape(g, graph_find(g, *name))));
        cJSON_AddItemToArray(stages, stage);
    }
    cJSON *layers = cJSON_AddArrayToObject(json, "layers");
    for (Node n = 0; n < graph_node_count(g); n++)
        cJSON_AddItemToArray(layers, layer_to_json(g, n));
    graph_free(g);
    return json;
}

cJSON *spec_network_to_json(const JobSpec *spec, Error *err)
{
    const SpecSet *set = &spec->set;
    const Shape input = {set->image.channels, spec->image_size, spec->image_size};
    const ModelOptions options = {.classes = set->classes, .blocks = &spec->blocks};
    return network_summary_to_json(spec->network, input, options, err);
}
