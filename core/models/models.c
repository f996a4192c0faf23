#include "core/models/models.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/models/all.h"

static const Model MODELS[] = {
    {.name = "googlenet",
     .title = "GoogLeNet (Inception v1)",
     .about = "Nine Inception blocks, as in the d2l.ai chapter",
     .build = googlenet,
     .image_size = 96,
     .stages = (const char *const[]){"0.2", "1.4", "2.2", "3.5", "4.2", "5", NULL}},
    {.name = "googlenet_tiny",
     .title = "GoogLeNet, tiny",
     .about = "Three small Inception blocks, for tests and first steps",
     .build = googlenet_tiny,
     .image_size = 28,
     .stages = (const char *const[]){"0.0.relu", "1.2", "2.1", "3", NULL}},
};

enum { MAX_IMAGE = 4096, MAX_CHANNELS = 64, MAX_CLASSES = 100000 };

const Model *models_table(size_t *count)
{
    *count = COUNT(MODELS);
    return MODELS;
}

const Model *models_find(const char *name)
{
    for (size_t i = 0; i < COUNT(MODELS); i++) {
        if (strcmp(MODELS[i].name, name) == 0)
            return &MODELS[i];
    }
    return NULL;
}

static bool in_range(const char *what, int value, int max, Error *err)
{
    if (value >= 1 && value <= max)
        return true;
    return fail(err, ERR_INVALID, "%s must be 1 to %d, got %d", what, max, value);
}

Graph *model_graph(const Model *model, Shape input, int classes, Error *err)
{
    if (!in_range("channels", input.channels, MAX_CHANNELS, err)
        || !in_range("image height", input.height, MAX_IMAGE, err)
        || !in_range("image width", input.width, MAX_IMAGE, err)
        || !in_range("classes", classes, MAX_CLASSES, err))
        return NULL;
    Graph *g = graph_new(input);
    model->build(g, graph_input(g), classes);
    if (graph_check(g, err))
        return g;
    graph_free(g);
    return NULL;
}

int model_smallest_image(const Model *model, int channels)
{
    for (int side = 1; side < MAX_IMAGE; side++) {
        Graph *g = model_graph(model, (Shape){channels, side, side}, 10, NULL);
        graph_free(g);
        if (g)
            return side;
    }
    return MAX_IMAGE;
}
