#include "server/models/predictor/loaded_model.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/data/loader/image_maker.h"
#include "core/net/net.h"
#include "server/models/model_files.h"

struct LoadedModel {
    ModelFile file;
    LoadedModelFacts facts;
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
    if (!model_file_open_stored(path, hints, &m->file, err)) {
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

const Graph *loaded_model_graph(const LoadedModel *m)
{
    return m->file.graph;
}

ParamStore *loaded_model_params(const LoadedModel *m)
{
    return m->file.params;
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

size_t loaded_model_bytes(const LoadedModel *m)
{
    return m->file.params->count * sizeof(float);
}

void loaded_model_free(LoadedModel *m)
{
    if (!m)
        return;
    model_file_close(&m->file);
    free(m);
}
