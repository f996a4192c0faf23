#include "core/train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/memory.h"
#include "core/train/safetensors.h"

/* What marks a file as a checkpoint of ours; raised when its contents change. */
static const char FORMAT[] = "googlenetd checkpoint 1";
static const char MOMENTUM_PREFIX[] = "optimizer.momentum.";

enum { MAX_META = 24 };

/* Metadata being gathered for a file; values are owned. */
typedef struct {
    SafeMeta items[MAX_META];
    size_t count;
} MetaList;

static void meta_add(MetaList *list, const char *key, char *value)
{
    list->items[list->count++] = (SafeMeta){key, value};
}

static void meta_free(MetaList *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((void *)list->items[i].value);
}

/* One row for each number of TrainState: the key, and where it stands. Exactly one of the two is
 * set. */
typedef struct {
    const char *key;
    int64_t *whole;
    double *real;
} Field;

enum { FIELDS = 10, TEXTS = 4 };

static void list_fields(TrainState *s, Field *fields)
{
    const Field rows[FIELDS] = {
        {"step", &s->step, NULL},
        {"epoch", &s->epoch, NULL},
        {"batch", &s->batch, NULL},
        {"epoch_sum.loss", NULL, &s->epoch_sum.loss},
        {"epoch_sum.top1", &s->epoch_sum.top1, NULL},
        {"epoch_sum.top5", &s->epoch_sum.top5, NULL},
        {"epoch_sum.count", &s->epoch_sum.count, NULL},
        {"epoch_seconds", NULL, &s->epoch_seconds},
        {"best_accuracy", NULL, &s->best_accuracy},
        {"best_epoch", &s->best_epoch, NULL},
    };
    memcpy(fields, rows, sizeof rows);
}

typedef struct {
    const char *key;
    char *text;  // CHECKPOINT_TEXT bytes
} Text;

static void list_texts(TrainState *s, Text *texts)
{
    const Text rows[TEXTS] = {{"cpu_isa", s->cpu_isa},
                              {"precision", s->precision},
                              {"onednn", s->onednn},
                              {"version", s->version}};
    memcpy(texts, rows, sizeof rows);
}

static void state_to_meta(const TrainState *state, MetaList *list)
{
    TrainState copy = *state;
    Field fields[FIELDS];
    Text texts[TEXTS];
    list_fields(&copy, fields);
    list_texts(&copy, texts);
    meta_add(list, "format", xstrdup(FORMAT));
    for (size_t i = 0; i < FIELDS; i++)
        meta_add(list, fields[i].key,
                 fields[i].whole ? xasprintf("%" PRId64, *fields[i].whole)
                                 : xasprintf("%a", *fields[i].real));
    meta_add(list, "seed", xasprintf("%" PRIu64, state->seed));
    meta_add(list, "threads", xasprintf("%d", state->threads));
    for (size_t i = 0; i < TEXTS; i++)
        meta_add(list, texts[i].key, xstrdup(texts[i].text));
}

static bool parse_whole(const char *text, int64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= 0;
}

static bool parse_real(const char *text, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value == *value;
}

/* The text under `key`; NULL, with the fault, if there is none. */
static const char *require(const SafeFile *f, const char *path, const char *key, Error *err)
{
    const char *text = safetensors_metadata(f, key);
    if (!text)
        fail(err, ERR_INVALID, "%s is not a checkpoint: it does not say its %s", path, key);
    return text;
}

static bool meta_to_state(const SafeFile *f, const char *path, TrainState *state, Error *err)
{
    Field fields[FIELDS];
    Text texts[TEXTS];
    list_fields(state, fields);
    list_texts(state, texts);
    const char *text = require(f, path, "format", err);
    if (!text)
        return false;
    if (strcmp(text, FORMAT) != 0)
        return fail(err, ERR_INVALID, "%s is of another format: %.64s", path, text);
    for (size_t i = 0; i < FIELDS; i++) {
        if (!(text = require(f, path, fields[i].key, err)))
            return false;
        if (fields[i].whole ? !parse_whole(text, fields[i].whole)
                            : !parse_real(text, fields[i].real))
            return fail(err, ERR_INVALID, "%s is damaged: its %s is %.64s", path, fields[i].key,
                        text);
    }
    int64_t seed, threads;
    if (!(text = require(f, path, "seed", err)))
        return false;
    char *end = NULL;
    state->seed = strtoull(text, &end, 10);
    seed = end != text && *end == '\0';
    if (!(text = require(f, path, "threads", err)))
        return false;
    if (!seed || !parse_whole(text, &threads))
        return fail(err, ERR_INVALID, "%s is damaged: its seed or threads are no numbers", path);
    state->threads = (int)threads;
    for (size_t i = 0; i < TEXTS; i++) {
        if (!(text = require(f, path, texts[i].key, err)))
            return false;
        snprintf(texts[i].text, CHECKPOINT_TEXT, "%s", text);
    }
    return true;
}

static SafeTensor tensor_of(const Param *p, const char *name, const float *numbers)
{
    SafeTensor t = {.name = name, .dim_count = p->dim_count, .data = numbers + p->offset};
    memcpy(t.dims, p->dims, sizeof t.dims);
    return t;
}

static uint32_t checksum(const SafeTensor *tensors, size_t count)
{
    uLong crc = crc32_z(0, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        size_t numbers = 1;
        for (int d = 0; d < tensors[i].dim_count; d++)
            numbers *= (size_t)tensors[i].dims[d];
        crc = crc32_z(crc, (const Bytef *)tensors[i].data, numbers * sizeof(float));
    }
    return (uint32_t)crc;
}

/* Write the parameters, and the momentum if `with_momentum`, with a checksum in the metadata. */
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
    meta_add(meta, "crc32", xasprintf("%08" PRIx32, checksum(tensors, count)));
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

/* A file of other software has no checksum; ours must agree with it. */
static bool check_sum(const SafeFile *f, const char *path, Error *err)
{
    const char *want = safetensors_metadata(f, "crc32");
    if (!want)
        return true;
    const size_t count = safetensors_count(f);
    char *got = xasprintf("%08" PRIx32, count ? checksum(safetensors_at(f, 0), count) : 0);
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

/* Check that the file has each parameter under "<prefix><name>" and, if `numbers` is not NULL, copy
 * them there. */
static bool read_params(const SafeFile *f, const char *path, const ParamStore *params,
                        const char *prefix, float *numbers, Error *err)
{
    for (int i = 0; i < params->param_count; i++) {
        const Param *p = &params->params[i];
        char *name = xasprintf("%s%s", prefix, p->name);
        const SafeTensor *t = matching(f, path, name, p, err);
        free(name);
        if (!t)
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
    if (!check_sum(f, path, err) || !read_params(f, path, params, "", NULL, err))
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
    TrainState loaded = {0};
    if (!safetensors_open(path, &f, err))
        return false;
    const bool momentum = optimizer_tensors(f) > 0;
    bool ok = meta_to_state(f, path, &loaded, err) && check_params(f, path, params, err)
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
