#include "server/models/predictor/loaded_model.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/data/decode/fit.h"
#include "core/data/image_maker.h"
#include "core/evaluate/activation_map.h"
#include "core/net/memory_estimate.h"
#include "core/net/net.h"

/* DESIGN. The net is configured as the evaluation of a training with the default batch size is, so
 * that its kernels are those that such a training has measured. Images are given to it in powers of
 * two: programs of few sizes, each made when it is first needed. */
enum { BATCH_SIZE = 4 * LOADED_MODEL_BATCH, ASSUMED_COPIES = 3 };

struct LoadedModel {
    ModelFile file;
    LoadedModelFacts facts;
    Autotune *autotune;
    Net *net;
    ActivationMap *map;  // NULL until it is asked for
};

static ImageSpec picture_of(const ModelInfo *info, const ImageSpec *assumed)
{
    ImageSpec spec = info->picture;
    if (spec.size == 0 && assumed && assumed->channels == info->channels)
        spec = *assumed;
    if (spec.size == 0)
        spec = (ImageSpec){.channels = info->channels, .size = info->image_size};
    return spec;
}

static bool uses_bf16(const ModelInfo *info, Precision asked)
{
    const Precision trained = info->precision;
    if (asked == PRECISION_AUTO && trained == PRECISION_BF16 && !net_bf16_is_fast())
        return false;
    return precision_resolve(asked == PRECISION_AUTO ? trained : asked) == PRECISION_BF16;
}

bool loaded_model_open(const char *path, const ModelHints *hints, Precision precision,
                       const ImageSpec *picture, LoadedModel **model, Error *err)
{
    LoadedModel *m = xcalloc(1, sizeof *m);
    if (!model_file_open(path, hints, &m->file, err)) {
        free(m);
        return false;
    }
    const ModelInfo *info = &m->file.info;
    m->facts = (LoadedModelFacts){
        .info = info,
        .picture = picture_of(info, picture),
        .image_count = shape_count(graph_shape(m->file.graph, graph_input(m->file.graph))),
        .bf16 = uses_bf16(info, precision)};
    if (image_spec_check(&m->facts.picture, err)) {
        *model = m;
        return true;
    }
    loaded_model_free(m);
    return fail_in(err, "%s cannot see pictures", path);
}

const LoadedModelFacts *loaded_model_facts(const LoadedModel *m)
{
    return &m->facts;
}

void loaded_model_image(const LoadedModel *m, const uint8_t *pixels, float *image)
{
    const ModelInfo *info = m->facts.info;
    const ImageSpec *p = &m->facts.picture;
    const Shape shape = {p->channels, p->size, p->size};
    ImageMaker *maker = image_maker_new(shape, &(Augmentation){0}, &info->normalization);
    image_maker_set_size(maker, info->image_size);
    image_maker_run(maker, pixels, &(DrawKey){0}, image);
    image_maker_free(maker);
}

void loaded_model_normalize(const LoadedModel *m, const float *src, float *image)
{
    const ModelInfo *info = m->facts.info;
    const Normalization *n = &info->normalization;
    const size_t area = (size_t)info->image_size * (size_t)info->image_size;
    for (size_t c = 0; c < (size_t)info->channels; c++) {
        const float mean = n->channels ? (float)n->mean[c] : 0;
        const float deviation = n->channels ? (float)n->deviation[c] : 1;
        for (size_t i = c * area; i < (c + 1) * area; i++)
            image[i] = (src[i] - mean) / deviation;
    }
}

static bool fits(const LoadedModel *m, const LoadedModelConfig *config, Error *err)
{
    enum { PROGRAMS = 2 };  // those that are made at once
    if (!config->fits)
        return true;
    const MemoryEstimate needed =
        memory_estimate_forward(m->file.graph, LOADED_MODEL_BATCH, PROGRAMS, m->facts.bf16);
    return config->fits(memory_estimate_total(&needed), err);
}

bool loaded_model_prepare(LoadedModel *m, const LoadedModelConfig *config, Error *err)
{
    if (m->net)
        return true;
    if (!fits(m, config, err))
        return false;
    m->autotune = autotune_new();
    if (config->kernels)
        autotune_load(m->autotune, config->kernels, NULL);
    const NetConfig how = {.batch_size = BATCH_SIZE,
                           .micro_batch = LOADED_MODEL_BATCH,
                           .bf16 = m->facts.bf16,
                           .autotune = m->autotune,
                           .kernels_of = LOADED_MODEL_BATCH,
                           .go_on = config->go_on,
                           .go_on_context = config->context};
    const bool ok = net_new(m->file.graph, m->file.params, how, &m->net, err)
                    && net_prepare(m->net, 0, 1, err)
                    && net_prepare(m->net, 0, LOADED_MODEL_BATCH, err);
    if (config->kernels)
        autotune_save(m->autotune, config->kernels, NULL);
    if (ok)
        return true;
    net_free(m->net);
    autotune_free(m->autotune);
    m->net = NULL;
    m->autotune = NULL;
    return false;
}

bool loaded_model_run(LoadedModel *m, const float *images, int count, float *logits, Error *err)
{
    const size_t classes = (size_t)m->facts.info->classes;
    for (int size = LOADED_MODEL_BATCH; count > 0; size = size > 1 ? size / 2 : 1) {
        while (count >= size) {
            if (!net_forward(m->net, images, size, logits, err))
                return false;
            images += (size_t)size * m->facts.image_count;
            logits += (size_t)size * classes;
            count -= size;
        }
    }
    return true;
}

/* What speaks against the class is black, and what speaks most for it white. */
static void shade(const float *map, size_t count, uint8_t *grey)
{
    float most = 0;
    for (size_t i = 0; i < count; i++)
        most = map[i] > most ? map[i] : most;
    for (size_t i = 0; i < count; i++)
        grey[i] = map[i] > 0 ? (uint8_t)(255 * map[i] / most + 0.5F) : 0;
}

bool loaded_model_explain(LoadedModel *m, const float *image, int label, uint8_t *picture,
                          Error *err)
{
    // Kernels are the library's: nothing is measured for a picture to look at.
    const NetConfig config = {.bf16 = m->facts.bf16};
    if (!m->map && !activation_map_new(m->file.graph, m->file.params, config, &m->map, err))
        return false;
    const Shape shape = activation_map_shape(m->map);
    const size_t area = (size_t)shape.height * (size_t)shape.width;
    float *maps = xcalloc(shape_count(shape), sizeof *maps);
    uint8_t *grey = xcalloc(area, 1);
    bool ok = activation_map_run(m->map, image, maps, err);
    if (ok) {
        shade(maps + (size_t)label * area, area, grey);
        const Picture small = {grey, (size_t)shape.width, shape.height, shape.width, 1};
        const ImageSpec spec = {.channels = 1, .size = m->facts.picture.size, .fit = FIT_STRETCH};
        ok = fit_picture(&small, &spec, picture, err);
    }
    free(grey);
    free(maps);
    return ok;
}

size_t loaded_model_bytes(const LoadedModel *m)
{
    const size_t values = m->file.params->count * sizeof(float);
    const size_t nets = m->map ? 2 : 1;
    return nets * ASSUMED_COPIES * values + (m->net ? net_arena_bytes(m->net) : 0);
}

void loaded_model_free(LoadedModel *m)
{
    if (!m)
        return;
    activation_map_free(m->map);
    net_free(m->net);
    autotune_free(m->autotune);
    model_file_close(&m->file);
    free(m);
}
