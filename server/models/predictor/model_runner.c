/* DESIGN. The net is configured as the evaluation of a training with the default batch size is, so
 * that its kernels are those that such a training has measured. Images are given to it in powers of
 * two: programs of few sizes, each made when it is first needed. */
#include "server/models/predictor/model_runner.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/data/decode/fit.h"
#include "core/evaluate/activation_map.h"
#include "core/net/memory_estimate.h"
#include "core/net/net.h"

enum {
    BATCH_SIZE = 4 * LOADED_MODEL_BATCH,
    ASSUMED_COPIES = 2,  // of the weights, in a net
};

struct ModelRunner {
    const LoadedModel *model;
    Autotune *autotune;
    Net *net;
    ActivationMap *map;  // NULL until it is asked for
};

static bool fits(const LoadedModel *m, const ModelRunnerConfig *config, Error *err)
{
    if (!config->fits)
        return true;
    const MemoryEstimate needed = memory_estimate_forward(loaded_model_graph(m), LOADED_MODEL_BATCH,
                                                          loaded_model_facts(m)->bf16);
    return config->fits(memory_estimate_total(&needed), err);
}

static bool make_net(ModelRunner *r, const ModelRunnerConfig *config, Error *err)
{
    const LoadedModel *m = r->model;
    const NetConfig how = {.batch_size = BATCH_SIZE,
                           .micro_batch = LOADED_MODEL_BATCH,
                           .bf16 = loaded_model_facts(m)->bf16,
                           .autotune = r->autotune,
                           .kernels_of = LOADED_MODEL_BATCH,
                           .go_on = config->go_on,
                           .go_on_context = config->context};
    return net_new(loaded_model_graph(m), loaded_model_params(m), how, &r->net, err)
           && net_prepare(r->net, 0, 1, err) && net_prepare(r->net, 0, LOADED_MODEL_BATCH, err);
}

bool model_runner_new(const LoadedModel *m, const ModelRunnerConfig *config, ModelRunner **runner,
                      Error *err)
{
    if (!fits(m, config, err))
        return false;
    ModelRunner *r = xcalloc(1, sizeof *r);
    r->model = m;
    r->autotune = autotune_new();
    bool ok = !config->record || autotune_use_record(r->autotune, config->record, err);
    if (!config->record && config->kernels)
        autotune_load(r->autotune, config->kernels, NULL);
    ok = ok && make_net(r, config, err);
    if (!config->record && config->kernels)
        autotune_save(r->autotune, config->kernels, NULL);
    if (ok) {
        *runner = r;
        return true;
    }
    model_runner_free(r);
    return false;
}

void model_runner_free(ModelRunner *r)
{
    if (!r)
        return;
    activation_map_free(r->map);
    net_free(r->net);
    autotune_free(r->autotune);
    free(r);
}

char *model_runner_record(const ModelRunner *r)
{
    return autotune_record(r->autotune);
}

bool model_runner_run(ModelRunner *r, const float *images, int count, float *logits, Error *err)
{
    const LoadedModelFacts *facts = loaded_model_facts(r->model);
    const size_t classes = (size_t)facts->info->classes;
    for (int size = LOADED_MODEL_BATCH; count > 0; size = size > 1 ? size / 2 : 1) {
        while (count >= size) {
            if (!net_forward(r->net, images, size, logits, err))
                return false;
            images += (size_t)size * facts->image_count;
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

bool model_runner_explain(ModelRunner *r, const float *image, int label, uint8_t *picture,
                          Error *err)
{
    const LoadedModelFacts *facts = loaded_model_facts(r->model);
    // Kernels are the library's: nothing is measured for a picture to look at.
    const NetConfig config = {.bf16 = facts->bf16};
    if (!r->map
        && !activation_map_new(loaded_model_graph(r->model), loaded_model_params(r->model), config,
                               &r->map, err))
        return false;
    const Shape shape = activation_map_shape(r->map);
    const size_t area = (size_t)shape.height * (size_t)shape.width;
    float *maps = xcalloc(shape_count(shape), sizeof *maps);
    uint8_t *grey = xcalloc(area, 1);
    bool ok = activation_map_run(r->map, image, maps, err);
    if (ok) {
        shade(maps + (size_t)label * area, area, grey);
        const Picture small = {grey, (size_t)shape.width, shape.height, shape.width, 1};
        const ImageSpec spec = {.channels = 1, .size = facts->picture.size, .fit = FIT_STRETCH};
        ok = fit_picture(&small, &spec, picture, err);
    }
    free(grey);
    free(maps);
    return ok;
}

size_t model_runner_bytes(const ModelRunner *r)
{
    const size_t values = loaded_model_params(r->model)->count * sizeof(float);
    const size_t nets = r->map ? 2 : 1;
    return nets * ASSUMED_COPIES * values + net_arena_bytes(r->net);
}
