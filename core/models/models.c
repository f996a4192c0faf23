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

/* Every channel that a job gives is one to convolve with. */
static bool check_channels(const Block *b, Error *err)
{
    const Inception c = b->channels;
    const int all[] = {c.c1, c.c2[0], c.c2[1], c.c3[0], c.c3[1], c.c4};
    for (size_t i = 0; i < COUNT(all); i++)
        if (!in_range("channels", all[i], MODEL_MAX_BLOCK_CHANNELS, err))
            return fail_in(err, "block %s", b->name);
    return true;
}

static bool check_blocks(const Model *model, const BlockList *given, Error *err)
{
    if (!given || given->count == 0)
        return true;
    const BlockList own = model_blocks(model);
    for (int i = 0; i < given->count; i++) {
        const Block *b = &given->items[i];
        if (!block_find(&own, b->name))
            return fail(err, ERR_INVALID, "%s has no block %s", model->name, b->name);
        if (!check_channels(b, err))
            return false;
    }
    return true;
}

Graph *model_graph_with(const Model *model, Shape input, ModelOptions options, Error *err)
{
    if (!in_range("channels", input.channels, MAX_CHANNELS, err)
        || !in_range("image height", input.height, MAX_IMAGE, err)
        || !in_range("image width", input.width, MAX_IMAGE, err)
        || !in_range("classes", options.classes, MAX_CLASSES, err)
        || !check_blocks(model, options.blocks, err))
        return NULL;
    Graph *g = graph_new(input);
    model->build(g, graph_input(g), options);
    if (graph_check(g, err))
        return g;
    graph_free(g);
    return NULL;
}

Graph *model_graph(const Model *model, Shape input, int classes, Error *err)
{
    return model_graph_with(model, input, (ModelOptions){.classes = classes}, err);
}

BlockList model_blocks(const Model *model)
{
    BlockList built = {0};
    const Shape input = {1, model->image_size, model->image_size};
    graph_free(
        model_graph_with(model, input, (ModelOptions){.classes = 10, .built = &built}, NULL));
    return built;
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
