#include "core/train/files/model_file.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/files/checkpoint.h"

/* A number that the file says, a hint says, or both. */
static bool settle(const char *path, const char *what, int hint, int *value, Error *err)
{
    if (hint > 0 && *value > 0 && hint != *value)
        return fail(err, ERR_INVALID, "%s is of a network with %d %s, not %d", path, *value, what,
                    hint);
    *value = *value > 0 ? *value : hint;
    return true;
}

static bool settle_network(const char *path, const ModelHints *hints, ModelFile *m, Error *err)
{
    ModelInfo *info = &m->info;
    if (!info->network && !hints->network)
        return fail(err, ERR_INVALID,
                    "%s does not say which network its weights are of: name it (--network)", path);
    if (info->network && hints->network && strcmp(info->network, hints->network) != 0)
        return fail(err, ERR_INVALID, "%s is of the network %s, not %s", path, info->network,
                    hints->network);
    if (!info->network)
        info->network = xstrdup(hints->network);
    m->model = models_find(info->network);
    return m->model
           || fail(err, ERR_INVALID, "%s is of the network %.64s, and there is none of that name",
                   path, info->network);
}

/* The tensor of the node's first parameter; NULL if there is none. */
static const SafeTensor *find_weights(const SafeFile *f, const GraphNode *node)
{
    if (node->spec.param_count == 0)
        return NULL;
    char *name = xasprintf("%s.%s", node->name, node->spec.params[0].name);
    const SafeTensor *t = safetensors_find(f, name);
    free(name);
    return t;
}

/* Channels and classes as the tensors show them: the first weights are of a convolution, those of
 * the last layer give the classes. */
static void look_at_tensors(const SafeFile *f, ModelFile *m)
{
    ModelInfo *info = &m->info;
    const Shape image = {info->channels ? info->channels : 1, info->image_size, info->image_size};
    const ModelOptions options = {.classes = info->classes ? info->classes : 10,
                                  .blocks = &info->blocks};
    Graph *g = model_graph_with(m->model, image, options, NULL);
    for (Node n = 1; g && n < graph_node_count(g); n++) {
        const SafeTensor *t = find_weights(f, graph_node(g, n));
        if (t && t->dim_count == 4 && info->channels == 0)
            info->channels = t->dims[1];
    }
    for (Node n = g ? graph_node_count(g) - 1 : 0; n > 0 && info->classes == 0; n--) {
        const SafeTensor *t = find_weights(f, graph_node(g, n));
        if (t && t->dim_count >= 2)
            info->classes = t->dims[0];
    }
    graph_free(g);
}

static bool settle_shape(const SafeFile *f, const char *path, const ModelHints *hints, ModelFile *m,
                         Error *err)
{
    ModelInfo *info = &m->info;
    if (!settle(path, "channels", hints->channels, &info->channels, err)
        || !settle(path, "classes", hints->classes, &info->classes, err))
        return false;
    if (hints->image_size > 0)
        info->image_size = hints->image_size;
    m->assumed_size = info->image_size == 0;
    if (m->assumed_size)
        info->image_size = m->model->image_size;
    if (info->channels == 0 || info->classes == 0)
        look_at_tensors(f, m);
    // What the file lacks altogether is told when its tensors are compared.
    info->channels = info->channels ? info->channels : 1;
    info->classes = info->classes ? info->classes : 10;
    return true;
}

static bool build(ModelFile *m, Error *err)
{
    const ModelInfo *info = &m->info;
    const ModelOptions options = {.classes = info->classes, .blocks = &info->blocks};
    m->graph = model_graph_with(
        m->model, (Shape){info->channels, info->image_size, info->image_size}, options, err);
    return m->graph && params_new(m->graph, &m->params, err);
}

bool model_file_describe(const SafeFile *f, const char *path, const ModelHints *hints, ModelFile *m,
                         Error *err)
{
    *m = (ModelFile){0};
    if (model_info_from_meta(f, path, &m->info, err) && settle_network(path, hints, m, err)
        && settle_shape(f, path, hints, m, err) && build(m, err))
        return true;
    model_file_close(m);
    return false;
}

bool model_file_open(const char *path, const ModelHints *hints, ModelFile *m, Error *err)
{
    SafeFile *f = NULL;
    *m = (ModelFile){0};
    if (!safetensors_open(path, &f, err))
        return false;
    const bool ok = model_file_describe(f, path, hints, m, err)
                    && model_read(f, path, m->params, m->model->left_out, err);
    safetensors_close(f);
    if (!ok)
        model_file_close(m);
    return ok;
}

void model_file_close(ModelFile *m)
{
    params_free(m->params);
    graph_free(m->graph);
    model_info_free(&m->info);
    *m = (ModelFile){0};
}
