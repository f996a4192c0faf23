#include "core/train/trainer/trainer_start.h"

#include <stdio.h>
#include <string.h>

#include "core/base/threads/cpu.h"
#include "core/data/packed/packed_index.h"
#include "core/dnn/dnn.h"
#include "core/train/init.h"

TrainState trainer_fresh_state(const TrainConfig *c, int threads)
{
    TrainState s = train_state_start();
    s.seed = c->seed;
    s.threads = threads;
    snprintf(s.dataset_digest, sizeof s.dataset_digest, "%s",
             c->dataset->packed ? c->dataset->packed->digest : "");
    cpu_model(s.cpu, sizeof s.cpu);
    snprintf(s.cpu_isa, sizeof s.cpu_isa, "%s", dnn_isa_name());
    snprintf(s.precision, sizeof s.precision, "%s",
             PRECISION_NAMES[precision_resolve(c->precision)]);
    dnn_version(s.onednn, sizeof s.onednn);
    snprintf(s.version, sizeof s.version, "%s", GOOGLENETD_VERSION);
    return s;
}

static bool needs_slot(const TrainConfig *c, ParamSlot slot)
{
    return slot == SLOT_AVERAGE ? c->ema.decay > 0 : optimizer_keeps(&c->optimizer, slot);
}

/* The same set may lie elsewhere now; another one in its place must not train these weights. */
static bool same_pictures(const TrainState *then, const TrainState *now, bool moved,
                          const char *path, Error *err)
{
    const char *was = then->dataset_digest, *is = now->dataset_digest;
    if (!*was && moved)
        return fail(
            err, ERR_INVALID,
            "%s is of a training on a data set without a digest, which must be where it was", path);
    return !*was || strcmp(was, is) == 0
           || fail(err, ERR_INVALID,
                   "%s is of a training on a data set with the digest %.12s, not %.12s", path, was,
                   *is ? is : "none");
}

static bool load_state(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    TrainState state = t->state;
    if (!resume_load(c->resume_from, c->resume_count, t->params, &state, t->autotune, &t->resume,
                     err))
        return false;
    const char *path = t->resume.path;
    if (state.seed != c->seed)
        return fail(err, ERR_INVALID, "%s is of a training with seed %llu, not %llu", path,
                    (unsigned long long)state.seed, (unsigned long long)c->seed);
    if (!same_pictures(&state, &t->state, c->dataset_moved, path, err))
        return false;
    const int64_t steps = (state.batch + t->accumulation - 1) / t->accumulation;
    const bool between = state.batch % t->accumulation == 0 || state.batch == t->batches;
    if (state.batch > t->batches || !between || state.step != state.epoch * t->epoch_steps + steps)
        return fail(err, ERR_INVALID,
                    "%s is at step %lld of an epoch of other length: batch size, accumulation or "
                    "examples differ",
                    path, (long long)state.step);
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++) {
        if (!needs_slot(c, slot))
            params_drop_slot(t->params, slot);
        else if (state.step > 0 && !t->params->slots[slot])
            return fail(err, ERR_INVALID, "%s has no %s of the weights, which the settings need",
                        path, PARAM_SLOT_NAMES[slot]);
    }
    memcpy(state.dataset_digest, t->state.dataset_digest, sizeof state.dataset_digest);
    t->state = state;
    return true;
}

/* Slots that no checkpoint has filled; an average of no update is the weights themselves. */
static bool start_slots(Trainer *t, Error *err)
{
    ParamStore *p = t->params;
    if (!optimizer_need_slots(&t->config.optimizer, p, err))
        return false;
    if (t->config.ema.decay <= 0 || p->slots[SLOT_AVERAGE])
        return true;
    if (!params_need_slot(p, SLOT_AVERAGE, err))
        return false;
    memcpy(p->slots[SLOT_AVERAGE], p->values, p->trained_count * sizeof *p->values);
    return true;
}

/* Weights and state to begin with. */
static bool start_state(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    if (comm_rank(c->comm) > 0)
        return true;  // rank 0 has them
    if (c->resume_count > 0)
        return load_state(t, err);
    init_params(t->params, init_rule(c->model->weights), c->seed);
    const Transfer how = {.network = c->model->name,
                          .head = &t->head,
                          .class_names = c->dataset->class_names,
                          .classes = c->dataset->classes,
                          .all_features = c->freeze == FREEZE_FEATURES};
    return !c->init_from || transfer_load(c->init_from, &how, t->params, &t->transfer, err);
}

bool trainer_start(Trainer *t, Error *err)
{
    return start_state(t, err) && start_slots(t, err);
}
