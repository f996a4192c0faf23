#include "core/train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/memory.h"
#include "core/train/safetensors.h"
#include "core/train/state_meta.h"

static const char MOMENTUM_PREFIX[] = "optimizer.momentum.";

TrainState train_state_start(void)
{
    return (TrainState){.best_accuracy = -1, .ending = ending_start()};
}

static SafeTensor tensor_of(const Param *p, const char *name, const float *numbers)
{
    SafeTensor t = {.name = name, .dim_count = p->dim_count, .data = numbers + p->offset};
    memcpy(t.dims, p->dims, sizeof t.dims);
    return t;
}

/* Write the parameters, and the momentum if `with_momentum`. Frees what `meta` owns. */
static bool write_params(const char *path, const ParamStore *params, bool with_momentum,
                         MetaList *meta, Error *err)
{
    const size_t each = (size_t)params->param_count;
    const size_t count = with_momentum ? 2 * each : each;
    SafeTensor *tensors = xcalloc(count, sizeof *tensors);
    for (size_t i = 0; i < each; i++) {
        const Param *p = &params->params[i];
        tensors[i] = tensor_of(p, p->name, params->values);
        if (with_momentum)
            tensors[each + i] =
                tensor_of(p, xasprintf("%s%s", MOMENTUM_PREFIX, p->name), params->momentum);
    }
    const bool ok = safetensors_write(path, tensors, count, meta->items, meta->count, err);
    for (size_t i = each; i < count; i++)
        free((void *)tensors[i].name);
    free(tensors);
    meta_free(meta);
    return ok;
}

bool checkpoint_save(const char *path, const ParamStore *params, const TrainState *state,
                     const Autotune *kernels, Error *err)
{
    MetaList meta = {0};
    state_to_meta(state, &meta);
    if (kernels)
        meta_add(&meta, "kernels", autotune_record(kernels));
    return write_params(path, params, params->momentum != NULL, &meta, err);
}

bool model_save(const char *path, const ParamStore *params, const char *model_name, Error *err)
{
    MetaList meta = {0};
    meta_add(&meta, "model", xstrdup(model_name));
    return write_params(path, params, false, &meta, err);
}

/* Files of version 0.1.0 and before have the checksum of their tensors alone, in the metadata. */
static bool check_sum_of_tensors(const SafeFile *f, const char *path, Error *err)
{
    const char *want = safetensors_metadata(f, "crc32");
    if (!want)
        return true;
    uLong crc = crc32_z(0, NULL, 0);
    for (size_t i = 0; i < safetensors_count(f); i++) {
        const SafeTensor *t = safetensors_at(f, i);
        crc = crc32_z(crc, (const Bytef *)t->data, safetensors_numbers(t) * sizeof(float));
    }
    char *got = xasprintf("%08" PRIx32, (uint32_t)crc);
    const bool equal = strcmp(want, got) == 0;
    free(got);
    return equal || fail(err, ERR_INVALID, "%s is damaged: its checksum does not match", path);
}

/* The tensor `name` of the file, which must have the shape of `p`. */
static const SafeTensor *matching(const SafeFile *f, const char *path, const char *name,
                                  const Param *p, Error *err)
{
    const SafeTensor *t = safetensors_find(f, name);
    if (!t) {
        fail(err, ERR_INVALID, "%s is of another network: it has no tensor %s", path, name);
        return NULL;
    }
    bool equal = t->dim_count == p->dim_count;
    for (int d = 0; equal && d < p->dim_count; d++)
        equal = t->dims[d] == p->dims[d];
    if (equal)
        return t;
    fail(err, ERR_INVALID, "%s is of another network: tensor %s has another shape", path, name);
    return NULL;
}

static bool check_finite(const SafeTensor *t, const char *path, Error *err)
{
    const size_t count = safetensors_numbers(t);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(t->data[i]))
            return fail(err, ERR_INVALID, "%s has a number in tensor %s that is %s", path, t->name,
                        isnan(t->data[i]) ? "NaN" : "infinite");
    return true;
}

/* Check that the file has each parameter under "<prefix><name>" or, if `numbers` is not NULL, copy
 * them there. */
static bool read_params(const SafeFile *f, const char *path, const ParamStore *params,
                        const char *prefix, float *numbers, Error *err)
{
    for (int i = 0; i < params->param_count; i++) {
        const Param *p = &params->params[i];
        char *name = xasprintf("%s%s", prefix, p->name);
        const SafeTensor *t = matching(f, path, name, p, err);
        free(name);
        if (!t || (!numbers && !check_finite(t, path, err)))
            return false;
        if (numbers)
            memcpy(numbers + p->offset, t->data, p->count * sizeof(float));
    }
    return true;
}

/* How many of the file's tensors are optimizer state. */
static size_t optimizer_tensors(const SafeFile *f)
{
    size_t count = 0;
    for (size_t i = 0; i < safetensors_count(f); i++)
        count += strncmp(safetensors_at(f, i)->name, "optimizer.", strlen("optimizer.")) == 0;
    return count;
}

/* Everything is checked before anything is changed. */
static bool check_params(const SafeFile *f, const char *path, const ParamStore *params, Error *err)
{
    if (!check_sum_of_tensors(f, path, err) || !read_params(f, path, params, "", NULL, err))
        return false;
    const size_t values = safetensors_count(f) - optimizer_tensors(f);
    if (values != (size_t)params->param_count)
        return fail(err, ERR_INVALID, "%s is of another network: it has %zu parameters, not %d",
                    path, values, params->param_count);
    return true;
}

bool model_load(const char *path, ParamStore *params, Error *err)
{
    SafeFile *f = NULL;
    if (!safetensors_open(path, &f, err))
        return false;
    const bool ok =
        check_params(f, path, params, err) && read_params(f, path, params, "", params->values, err);
    safetensors_close(f);
    return ok;
}

bool checkpoint_load(const char *path, ParamStore *params, TrainState *state, Autotune *kernels,
                     Error *err)
{
    SafeFile *f = NULL;
    TrainState loaded = train_state_start();
    if (!safetensors_open(path, &f, err))
        return false;
    const bool momentum = optimizer_tensors(f) > 0;
    bool ok = state_from_meta(f, path, &loaded, err) && check_params(f, path, params, err)
              && (!momentum || read_params(f, path, params, MOMENTUM_PREFIX, NULL, err))
              && (!momentum || params_need_momentum(params, err));
    if (ok) {
        read_params(f, path, params, "", params->values, err);
        if (momentum)
            read_params(f, path, params, MOMENTUM_PREFIX, params->momentum, err);
        const char *text = safetensors_metadata(f, "kernels");
        if (kernels)
            autotune_use_record(kernels, text ? text : "", NULL);
        *state = loaded;
    }
    safetensors_close(f);
    return ok;
}
