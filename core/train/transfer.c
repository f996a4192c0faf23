#include "core/train/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/nfc.h"
#include "core/base/text.h"
#include "core/train/files/model_info.h"
#include "core/train/files/tensor_check.h"

static bool check_network(const ModelInfo *info, const char *path, const Transfer *how, Error *err)
{
    return !info->network || !how->network || strcmp(info->network, how->network) == 0
           || fail(err, ERR_INVALID, "%s is of the network %.64s, not %s", path, info->network,
                   how->network);
}

/* Whether both have the same classes, as far as they are named. A data set's names are composed
 * when it is imported; a model's file may have them as macOS writes them. */
static bool same_classes(const ModelInfo *info, const Transfer *how)
{
    if (!info->class_names || !how->class_names)
        return true;
    bool same = info->classes == how->classes;
    for (int i = 0; same && i < how->classes; i++)
        same = nfc_equal(info->class_names[i], how->class_names[i]);
    return same;
}

/* PyTorch's files may lack counters; they start at 0 then. */
static bool may_lack(const SafeFile *f, const Param *p)
{
    return p->role == ROLE_COUNTER && !safetensors_find(f, p->name);
}

static void compare(const SafeFile *f, const ParamStore *params, TransferReport *r)
{
    r->count = params->param_count;
    r->tensors = xcalloc((size_t)r->count, sizeof *r->tensors);
    for (int i = 0; i < r->count; i++) {
        const Param *p = &params->params[i];
        char why[TENSOR_FAULT];
        TransferTensor *t = &r->tensors[i];
        t->name = xstrdup(p->name);
        t->taken = may_lack(f, p) || tensor_fits(f, p->name, p, why);
        if (!t->taken)
            t->why = xstrdup(why);
    }
    for (size_t i = 0; i < safetensors_count(f); i++) {
        const char *name = safetensors_at(f, i)->name;
        r->superfluous += strncmp(name, "optimizer.", 10) != 0 && !params_find(params, name);
    }
}

/* All of the head or nothing of it. */
static void judge_head(const Transfer *how, bool classes_equal, TransferReport *r)
{
    r->head_taken = classes_equal;
    for (int i = how->head->first_param; i < r->count; i++)
        r->head_taken &= r->tensors[i].taken;
    for (int i = how->head->first_param; i < r->count && !r->head_taken; i++) {
        TransferTensor *t = &r->tensors[i];
        if (t->taken)
            t->why = xstrdup(classes_equal ? "the rest of the head does not fit"
                                           : "its classes are others");
        t->taken = false;
    }
    for (int i = 0; i < r->count; i++)
        r->taken += r->tensors[i].taken;
}

static bool check_features(const char *path, const ParamStore *params, const Transfer *how,
                           const TransferReport *r, Error *err)
{
    size_t fit = 0, all = 0;
    Mismatches m = {0};
    for (int i = 0; i < how->head->first_param; i++) {
        all += params->params[i].count;
        fit += r->tensors[i].taken ? params->params[i].count : 0;
        if (!r->tensors[i].taken)
            mismatch(&m, params->params[i].name, "%s", r->tensors[i].why);
    }
    const bool enough = how->all_features ? m.count == 0 : 2 * fit >= all;
    return enough || mismatches_fail(&m, path, err);
}

static void take(const SafeFile *f, const TransferReport *r, ParamStore *params)
{
    for (int i = 0; i < r->count; i++) {
        const Param *p = &params->params[i];
        const SafeTensor *t = safetensors_find(f, p->name);
        if (!r->tensors[i].taken || !t)
            continue;
        if (p->role == ROLE_COUNTER)
            memcpy(params->counters + p->offset, t->integers, p->count * sizeof(int64_t));
        else
            memcpy(params->values + p->offset, t->data, p->count * sizeof(float));
    }
}

bool transfer_load(const char *path, const Transfer *how, ParamStore *params,
                   TransferReport *report, Error *err)
{
    SafeFile *f = NULL;
    ModelInfo info = {0};
    *report = (TransferReport){0};
    if (!safetensors_open(path, &f, err))
        return false;
    bool ok = model_info_from_meta(f, path, &info, err) && check_network(&info, path, how, err);
    if (ok) {
        compare(f, params, report);
        judge_head(how, same_classes(&info, how), report);
        ok = check_features(path, params, how, report, err) && tensors_sound(f, path, err);
    }
    if (ok)
        take(f, report, params);
    model_info_free(&info);
    safetensors_close(f);
    return ok;
}

void transfer_report_free(TransferReport *r)
{
    for (int i = 0; i < r->count; i++) {
        free((void *)r->tensors[i].name);
        free(r->tensors[i].why);
    }
    free(r->tensors);
    *r = (TransferReport){0};
}

void transfer_sentence(const TransferReport *r, char *text, size_t size)
{
    int used = snprintf(text, size, "%d of %d tensors are taken", r->taken, r->count);
    const char *joint = "; new: ";
    for (int i = 0; i < r->count && (size_t)used < size; i++) {
        const TransferTensor *t = &r->tensors[i];
        if (t->taken)
            continue;
        used += snprintf(text + used, size - (size_t)used, "%s%s (%s)", joint, t->name, t->why);
        joint = ", ";
    }
    text_finish(text, size, used);
}
