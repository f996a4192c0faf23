#include "core/train/files/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/files/model_info.h"
#include "core/train/files/state_meta.h"
#include "core/train/files/tensor_check.h"

static const char OPTIMIZER_PREFIX[] = "optimizer.";

TrainState train_state_start(void)
{
    return (TrainState){.best_accuracy = -1, .ending = ending_start()};
}

/* "optimizer.momentum.<name>"; to be freed. Where there is a moving average, it has the parameter's
 * own name, so that whoever reads the file as a model gets it, and the values being trained are
 * kept in its place. */
static char *slot_name(ParamSlot slot, const char *name)
{
    const char *what = slot == SLOT_AVERAGE ? "trained" : PARAM_SLOT_NAMES[slot];
    return xasprintf("%s%s.%s", OPTIMIZER_PREFIX, what, name);
}

/* The numbers that stand in a file, with a moving average or not, under a parameter's own name. */
static float *model_numbers(const ParamStore *params, bool averaged, const Param *p)
{
    return (averaged && role_is_trained(p->role) ? params->slots[SLOT_AVERAGE] : params->values)
           + p->offset;
}

/* Those that stand there under the name of a slot. */
static float *slot_numbers(const ParamStore *params, ParamSlot slot, const Param *p)
{
    return (slot == SLOT_AVERAGE ? params->values : params->slots[slot]) + p->offset;
}

static SafeTensor tensor_of(const Param *p, const char *name)
{
    SafeTensor t = {.name = name, .dim_count = p->dim_count};
    memcpy(t.dims, p->dims, sizeof t.dims);
    return t;
}

static SafeTensor value_tensor(const ParamStore *params, const Param *p)
{
    SafeTensor t = tensor_of(p, p->name);
    if (p->role == ROLE_COUNTER) {
        t.type = SAFE_I64;
        t.integers = params->counters + p->offset;
    } else {
        t.data = model_numbers(params, params->slots[SLOT_AVERAGE], p);
    }
    return t;
}

/* The tensors of a slot, if it is there: their names are to be freed. Returns how many. */
static size_t slot_tensors(const ParamStore *params, ParamSlot slot, SafeTensor *tensors)
{
    size_t count = 0;
    for (int i = 0; params->slots[slot] && i < params->param_count; i++) {
        const Param *p = &params->params[i];
        if (!role_is_trained(p->role))
            continue;
        tensors[count] = tensor_of(p, slot_name(slot, p->name));
        tensors[count++].data = slot_numbers(params, slot, p);
    }
    return count;
}

/* Write the parameters, and the optimizer's slots if `with_slots`. Frees what `meta` owns. */
static bool write_params(const char *path, const ParamStore *params, bool with_slots,
                         MetaList *meta, Error *err)
{
    const size_t each = (size_t)params->param_count;
    SafeTensor *tensors = xcalloc(each * (1 + PARAM_SLOTS), sizeof *tensors);
    size_t count = each;
    for (size_t i = 0; i < each; i++)
        tensors[i] = value_tensor(params, &params->params[i]);
    for (ParamSlot slot = 0; with_slots && slot < PARAM_SLOTS; slot++)
        count += slot_tensors(params, slot, tensors + count);
    const bool ok = safetensors_write(path, tensors, count, meta->items, meta->count, err);
    for (size_t i = each; i < count; i++)
        free((void *)tensors[i].name);
    free(tensors);
    meta_free(meta);
    return ok;
}

bool checkpoint_save(const char *path, const ParamStore *params, const TrainState *state,
                     const Autotune *kernels, const ModelInfo *info, Error *err)
{
    MetaList meta = {0};
    state_to_meta(state, &meta);
    if (info)
        model_info_to_meta(info, &meta);
    if (kernels)
        meta_add(&meta, "kernels", autotune_record(kernels));
    return write_params(path, params, true, &meta, err);
}

bool model_save(const char *path, const ParamStore *params, const ModelInfo *info, Error *err)
{
    MetaList meta = {0};
    model_info_to_meta_whole(info, &meta);
    return write_params(path, params, false, &meta, err);
}

/* ---- Does a file belong to a network? ---- */

static void compare_tensor(const SafeFile *f, const char *name, const Param *p, Mismatches *m)
{
    char why[TENSOR_FAULT];
    if (!tensor_fits(f, name, p, why))
        mismatch(m, name, "%s", why);
}

static bool begins(const char *name, const char *beginning)
{
    return strncmp(name, beginning, strlen(beginning)) == 0;
}

static bool is_left_out(const char *name, const char *const *left_out)
{
    for (; left_out && *left_out; left_out++)
        if (begins(name, *left_out))
            return true;
    return false;
}

/* Slots of the optimizer that a file has, by ParamSlot. */
typedef struct {
    bool has[PARAM_SLOTS];
} Slots;

/* What a file must hold. */
typedef struct {
    Slots slots;
    bool counters;                // else one that is not there is 0
    const char *const *left_out;  // beginnings of names that are ignored; NULL: none
} Needs;

static Slots slots_of(const SafeFile *f)
{
    Slots slots = {0};
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++) {
        char *prefix = slot_name(slot, "");
        for (size_t i = 0; i < safetensors_count(f); i++)
            slots.has[slot] |= begins(safetensors_at(f, i)->name, prefix);
        free(prefix);
    }
    return slots;
}

static void compare_slot(const SafeFile *f, const ParamStore *params, ParamSlot slot, Mismatches *m)
{
    for (int i = 0; i < params->param_count; i++) {
        const Param *p = &params->params[i];
        char *name = slot_name(slot, p->name);
        if (role_is_trained(p->role))
            compare_tensor(f, name, p, m);
        free(name);
    }
}

static void compare_param(const SafeFile *f, const Param *p, bool counters, Mismatches *m)
{
    if (counters || p->role != ROLE_COUNTER || safetensors_find(f, p->name))
        compare_tensor(f, p->name, p, m);
}

/* Every parameter must be there, in its shape, and for each slot as well; and nothing else. */
static void compare_tensors(const SafeFile *f, const ParamStore *params, Needs needs, Mismatches *m)
{
    for (int i = 0; i < params->param_count; i++)
        compare_param(f, &params->params[i], needs.counters, m);
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
        if (needs.slots.has[slot])
            compare_slot(f, params, slot, m);
    for (size_t i = 0; i < safetensors_count(f); i++) {
        const char *name = safetensors_at(f, i)->name;
        if (!begins(name, OPTIMIZER_PREFIX) && !params_find(params, name)
            && !is_left_out(name, needs.left_out))
            mismatch(m, name, "tensor %s is unknown", name);
    }
}

int model_compare(const SafeFile *f, const ParamStore *params, const char *const *left_out,
                  TensorTold tell, void *context)
{
    Mismatches m = {.tell = tell, .context = context};
    compare_tensors(f, params, (Needs){.left_out = left_out}, &m);
    return m.count;
}

static bool check_tensors(const SafeFile *f, const char *path, const ParamStore *params,
                          Needs needs, Error *err)
{
    Mismatches m = {0};
    compare_tensors(f, params, needs, &m);
    return m.count == 0 || mismatches_fail(&m, path, err);
}

/* ---- Reading ---- */

/* Copy the tensors, which have been checked. */
static void read_values(const SafeFile *f, bool averaged, ParamStore *params)
{
    for (int i = 0; i < params->param_count; i++) {
        const Param *p = &params->params[i];
        const SafeTensor *t = safetensors_find(f, p->name);
        if (p->role == ROLE_COUNTER && t)
            memcpy(params->counters + p->offset, t->integers, p->count * sizeof(int64_t));
        else if (p->role == ROLE_COUNTER)
            memset(params->counters + p->offset, 0, p->count * sizeof(int64_t));
        else
            memcpy(model_numbers(params, averaged, p), t->data, p->count * sizeof(float));
    }
}

static void read_slot(const SafeFile *f, ParamStore *params, ParamSlot slot)
{
    for (int i = 0; i < params->param_count; i++) {
        const Param *p = &params->params[i];
        if (!role_is_trained(p->role))
            continue;
        char *name = slot_name(slot, p->name);
        memcpy(slot_numbers(params, slot, p), safetensors_find(f, name)->data,
               p->count * sizeof(float));
        free(name);
    }
}

/* Everything is checked before anything is changed. */
static bool check_params(const SafeFile *f, const char *path, const ParamStore *params, Needs needs,
                         Error *err)
{
    return check_tensors(f, path, params, needs, err) && tensors_sound(f, path, err);
}

static bool need_slots(ParamStore *params, Slots slots, Error *err)
{
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
        if (slots.has[slot] && !params_need_slot(params, slot, err))
            return false;
    return true;
}

bool model_read(const SafeFile *f, const char *path, ParamStore *params,
                const char *const *left_out, Error *err)
{
    if (!check_params(f, path, params, (Needs){.left_out = left_out}, err))
        return false;
    read_values(f, false, params);
    return true;
}

bool checkpoint_load(const char *path, ParamStore *params, TrainState *state, Autotune *kernels,
                     Error *err)
{
    SafeFile *f = NULL;
    TrainState loaded = train_state_start();
    if (!safetensors_open(path, &f, err))
        return false;
    const Slots slots = slots_of(f);
    const bool ok = state_from_meta(f, path, &loaded, err)
                    && check_params(f, path, params, (Needs){slots, true, NULL}, err)
                    && need_slots(params, slots, err);
    if (ok) {
        read_values(f, slots.has[SLOT_AVERAGE], params);
        for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
            if (slots.has[slot])
                read_slot(f, params, slot);
        const char *text = safetensors_metadata(f, "kernels");
        if (kernels)
            autotune_use_record(kernels, text ? text : "", NULL);
        *state = loaded;
    }
    safetensors_close(f);
    return ok;
}
