#include "core/models/models.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/models/all.h"

// clang-format off
#define NODES(...) (const char *const[]){__VA_ARGS__, NULL}
// clang-format on
static const Model MODELS[] = {
    {.name = "googlenet",
     .title = "GoogLeNet (Inception v1)",
     .about = "Nine Inception blocks, as in the d2l.ai chapter",
     .build = googlenet,
     .image_size = 96,
     .stages = NODES("0.2", "1.4", "2.2", "3.5", "4.2", "5")},
    {.name = "googlenet_tiny",
     .title = "GoogLeNet, tiny",
     .about = "Three small Inception blocks, for tests and first steps",
     .build = googlenet_tiny,
     .image_size = 28,
     .stages = NODES("0.0.relu", "1.2", "2.1", "3")},
    {.name = "googlenet_bn",
     .title = "GoogLeNet with batch normalisation",
     .about = "The chapter's network, normalised after every convolution",
     .build = googlenet_bn,
     .image_size = 96,
     .stages = NODES("0.1", "1.2", "2.2", "3.5", "4.2", "5")},
    {.name = "googlenet_v2",
     .title = "GoogLeNet with the blocks of 2016",
     .about = "Factorised convolutions and grid reductions in the chapter's frame",
     .build = googlenet_v2,
     .image_size = 96,
     .stages = NODES("0.1", "1.2", "2.2.concat", "3.5.concat", "4.2", "5")},
    {.name = "googlenet_residual",
     .title = "GoogLeNet with residual connections",
     .about = "Scaled residual connections around the blocks, with batch normalisation",
     .build = googlenet_residual,
     .image_size = 96,
     .stages = NODES("0.1", "1.2", "2.2", "3.5", "4.2", "5")},
    {.name = "googlenet_torchvision",
     .title = "GoogLeNet (torchvision)",
     .about = "As torchvision defines it, with the names of its weights",
     .build = googlenet_torchvision,
     .image_size = 224,
     .stages = NODES("maxpool1", "maxpool2", "maxpool3", "maxpool4", "avgpool", "fc"),
     .weights = WEIGHTS_NORMAL_HUNDREDTH,
     .left_out = NODES("aux1.", "aux2.")},
    {.name = "inception_v3",
     .title = "Inception v3 (torchvision)",
     .about = "As torchvision defines it, with the names of its weights",
     .build = inception_v3,
     .image_size = 299,
     .stages = NODES("maxpool1", "maxpool2", "Mixed_6a.concat", "Mixed_7a.concat", "avgpool", "fc"),
     .weights = WEIGHTS_NORMAL_TENTH,
     .left_out = NODES("AuxLogits.")},
    {.name = "resnet8",
     .title = "ResNet of eight layers",
     .about = "Three residual stages for images of 28 x 28, quick to learn",
     .build = resnet8,
     .image_size = 28,
     .stages = NODES("relu", "layer1.add", "layer2.add", "layer3.add", "avgpool", "fc")},
    {.name = "wide_resnet8",
     .title = "ResNet of eight layers, twice as wide",
     .about = "The same with twice the channels, for the best figures on images of 28 x 28",
     .build = wide_resnet8,
     .image_size = 28,
     .stages = NODES("relu", "layer1.add", "layer2.add", "layer3.add", "avgpool", "fc")},
    {.name = "wide_resnet16",
     .title = "Wide ResNet of sixteen layers (WRN-16-4)",
     .about = "Six residual blocks for images of 28 x 28",
     .build = wide_resnet16,
     .image_size = 28,
     .stages = NODES("conv1", "layer1.1.add", "layer2.1.add", "layer3.1.add", "avgpool", "fc")},
    {.name = "resnet18",
     .title = "ResNet-18 (torchvision)",
     .about = "Eight residual blocks of two convolutions",
     .build = resnet18,
     .image_size = 224,
     .stages = NODES("maxpool", "layer1.1.relu2", "layer2.1.relu2", "layer3.1.relu2",
                     "layer4.1.relu2", "avgpool", "fc"),
     .weights = WEIGHTS_KAIMING_NORMAL_FAN_OUT},
    {.name = "resnet50",
     .title = "ResNet-50 (torchvision)",
     .about = "Sixteen residual blocks of three convolutions",
     .build = resnet50,
     .image_size = 224,
     .stages = NODES("maxpool", "layer1.2.relu3", "layer2.3.relu3", "layer3.5.relu3",
                     "layer4.2.relu3", "avgpool", "fc"),
     .weights = WEIGHTS_KAIMING_NORMAL_FAN_OUT},
    {.name = "alexnet",
     .title = "AlexNet",
     .about = "Five convolutions and three wide linear layers, as in d2l.ai",
     .build = alexnet,
     .image_size = 224,
     .stages = NODES("2", "5", "12", "14.relu", "17.relu", "20")},
    {.name = "vgg11",
     .title = "VGG-11",
     .about = "Blocks of 3x3 convolutions and three wide linear layers, as in d2l.ai",
     .build = vgg11,
     .image_size = 224,
     .stages = NODES("0.2", "1.2", "2.4", "3.4", "4.4", "6.relu", "9.relu", "12")},
    {.name = "nin",
     .title = "Network in network",
     .about = "Blocks with two 1x1 convolutions and a global pool at the end, as in d2l.ai",
     .build = nin,
     .image_size = 224,
     .stages = NODES("1", "3", "5", "7.4.relu", "8")},
};
#undef NODES

enum { MAX_IMAGE = 4096, MAX_CHANNELS = 64 };

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
static bool check_channels(const InceptionBlock *b, Error *err)
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
        const InceptionBlock *b = &given->items[i];
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
        || !in_range("classes", options.classes, MODEL_MAX_CLASSES, err)
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
