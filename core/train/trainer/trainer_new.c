#include "core/train/trainer/trainer_new.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/threads/cpu.h"
#include "core/base/threads/team.h"
#include "core/comm/shard_sum.h"
#include "core/data/packed/packed_index.h"
#include "core/dnn/dnn.h"
#include "core/train/init.h"
#include "core/train/trainer/trainer_data.h"
#include "core/train/trainer/trainer_events.h"
#include "core/train/trainer/trainer_kernels.h"
#include "core/train/trainer/trainer_ranks.h"
#include "core/train/trainer/trainer_shards.h"
#include "core/train/trainer/trainer_sizes.h"
#include "core/train/trainer/trainer_step.h"

const char *const FREEZE_NAMES[] = {[FREEZE_NONE] = "none", [FREEZE_FEATURES] = "features", NULL};

static bool check_config(const TrainConfig *c, Error *err)
{
    if (c->dataset->test.count < 1)
        return fail(err, ERR_INVALID,
                    "%.200s has no test examples, by which a training is judged at its end",
                    c->dataset->name);
    if (c->epochs < 1)
        return fail(err, ERR_INVALID, "epochs must be 1 or more, got %d", c->epochs);
    if (c->batch_size < 1)
        return fail(err, ERR_INVALID, "batch_size must be 1 or more, got %d", c->batch_size);
    if (!(c->learning_rate > 0))
        return fail(err, ERR_INVALID, "learning_rate must be above 0, got %g", c->learning_rate);
    if (c->optimizer.type == OPTIMIZER_SGD && c->optimizer.nesterov && !(c->optimizer.momentum > 0))
        return fail(err, ERR_INVALID, "nesterov needs a momentum above 0");
    if (c->accumulation < 0)
        return fail(err, ERR_INVALID, "accumulation must be 1 or more, got %d", c->accumulation);
    if (!(c->head_rate_factor >= 0))
        return fail(err, ERR_INVALID, "head_learning_rate_factor must be above 0, got %g",
                    c->head_rate_factor);
    if (c->precision == PRECISION_BF16 && !net_bf16_is_fast())
        return fail(err, ERR_INVALID,
                    "precision bf16 needs a CPU with AVX512-BF16 or AMX, this one has %s; use f32 "
                    "or auto",
                    dnn_isa_name());
    return true;
}

/* The state before the first step, on this machine. */
static TrainState fresh_state(const TrainConfig *c, int threads)
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

int64_t train_epoch_steps(int64_t batches, int accumulation)
{
    const int64_t each = accumulation > 1 ? accumulation : 1;
    return (batches + each - 1) / each;
}

int train_extra_arrays(const TrainConfig *c)
{
    int arrays = batch_group_arrays(c->accumulation) + (c->ema.decay > 0);
    if (c->shards > 1)
        arrays += shard_sum_arrays(comm_size(c->comm), c->shards);
    for (ParamSlot slot = 0; slot < PARAM_SLOTS; slot++)
        arrays += optimizer_keeps(&c->optimizer, slot);
    return arrays;
}

static bool needs_slot(const TrainConfig *c, ParamSlot slot)
{
    return slot == SLOT_AVERAGE ? c->ema.decay > 0 : optimizer_keeps(&c->optimizer, slot);
}

NetConfig trainer_net_config(Trainer *t)
{
    const TrainConfig *c = &t->config;
    const bool listens =
        t->shards ? comm_size(c->comm) > 1 : c->clip_norm > 0 || t->accumulation > 1;
    return (NetConfig){.batch_size = trainer_net_batch(t),
                       .synced = t->synced,
                       .grads_ready = listens ? trainer_grads_ready : NULL,
                       .grads_ready_context = t,
                       .bf16 = precision_resolve(c->precision) == PRECISION_BF16,
                       .label_smoothing = c->label_smoothing,
                       .class_weights = t->class_weights,
                       .train_from = c->freeze == FREEZE_FEATURES ? t->head.node : NULL,
                       .trace = c->trace,
                       .autotune = t->autotune,
                       .go_on = trainer_goes_on,
                       .go_on_context = t};
}

/* What is the head, and how an update moves it: unless it is moved as all else is. */
static void find_head(Trainer *t)
{
    const TrainConfig *c = &t->config;
    const double factor = c->head_rate_factor > 0 ? c->head_rate_factor : 1;
    t->head = head_find(c->model, t->graph, &c->blocks, t->params);
    if (c->freeze == FREEZE_FEATURES || factor != 1)
        t->update_head = (UpdateHead){.weights = t->head.weights,
                                      .others = t->head.others,
                                      .rate_factor = factor,
                                      .alone = c->freeze == FREEZE_FEATURES};
}

/* A batch of one example has no variance. */
static bool check_batches(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const int examples = t->holdout.train_count;
    t->examples = net_epoch_examples(t->graph, examples, c->batch_size);
    t->batches = net_epoch_batches(t->graph, examples, c->batch_size);
    t->epoch_steps = train_epoch_steps(t->batches, t->accumulation);
    if (graph_couples_examples(t->graph) && (c->batch_size < 2 || examples < 2))
        return fail(err, ERR_INVALID,
                    "%s normalises by the batch, which needs 2 examples or more, got %d",
                    c->model->name, c->batch_size < 2 ? c->batch_size : examples);
    return true;
}

static bool create_network(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const Shape image = {c->dataset->image.channels, c->image_size, c->image_size};
    const ModelOptions options = {.classes = c->dataset->classes, .blocks = &c->blocks};
    t->graph = model_graph_with(c->model, image, options, err);
    t->synced = c->sync && t->shard_count > 1 && t->graph && graph_couples_examples(t->graph);
    if (!t->graph || !check_batches(t, err) || !trainer_check_shards(t, err)
        || !params_new(t->graph, &t->params, err) || !trainer_new_shards(t, err))
        return false;
    find_head(t);
    return batch_group_new(t->params, t->accumulation, c->clip_norm > 0, &t->group, err)
           && net_new(t->graph, t->params, trainer_net_config(t), &t->net, err)
           && trainer_check_sizes(t, err);
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
    init_params(t->params, init_rule(c->model->weights), c->seed);
    if (c->resume_count > 0)
        return load_state(t, err);
    const Transfer how = {.network = c->model->name,
                          .head = &t->head,
                          .class_names = c->dataset->class_names,
                          .classes = c->dataset->classes,
                          .all_features = c->freeze == FREEZE_FEATURES};
    return !c->init_from || transfer_load(c->init_from, &how, t->params, &t->transfer, err);
}

bool trainer_new(const TrainConfig *config, Trainer **trainer, Error *err)
{
    if (!check_config(config, err))
        return false;
    Trainer *t = xcalloc(1, sizeof *t);
    t->config = *config;
    const int threads = team_start(config->threads);
    t->loader_threads = config->loader_threads > 0 ? config->loader_threads : (threads + 3) / 4;
    t->accumulation = config->accumulation > 1 ? config->accumulation : 1;
    t->shard_count = config->shards > 1 ? config->shards : 1;
    t->state = fresh_state(config, threads);
    const bool leads = comm_rank(config->comm) == 0;
    if (config->checkpoint_path && leads)
        t->checkpoint_path = xstrdup(config->checkpoint_path);
    t->autotune = config->library_only ? NULL : autotune_new();
    t->autotune_path = config->autotune_path && leads ? xstrdup(config->autotune_path) : NULL;
    bool ok = comm_agree(config->comm, trainer_hold_out(t, err) && create_network(t, err), err);
    ok = ok && trainer_ranks_agree(t, err);
    ok = ok && comm_agree(config->comm, start_state(t, err) && start_slots(t, err), err);
    if (ok)
        trainer_ranks_begin(t);
    if (!ok || !comm_agree(config->comm, trainer_open_data(t, err), err)) {
        trainer_free(t);
        return false;
    }
    if (leads)
        trainer_load_kernels(t);
    *trainer = t;
    return true;
}

void trainer_free(Trainer *t)
{
    if (!t)
        return;
    loader_free(t->train);
    loader_free(t->validation);
    loader_free(t->test);
    holdout_free(&t->holdout);
    free(t->class_weights);
    trainer_free_nets(t);
    batch_group_free(t->group);
    trainer_free_shards(t->shards);
    autotune_free(t->autotune);
    resume_report_free(&t->resume);
    transfer_report_free(&t->transfer);
    free(t->autotune_path);
    free(t->checkpoint_path);
    params_free(t->params);
    graph_free(t->graph);
    free(t);
}

const ParamStore *trainer_params(const Trainer *t)
{
    return t->params;
}

const TrainState *trainer_state(const Trainer *t)
{
    return &t->state;
}

/* What the set made of a picture file; a known set's images are squares of their own size. */
static ImageSpec picture_of(const Dataset *set)
{
    ImageSpec spec = {.channels = set->image.channels, .size = set->image.height};
    const char *fit = set->packed ? packed_note(set->packed, "fit") : NULL;
    const char *filter = set->packed ? packed_note(set->packed, "filter") : NULL;
    const bool known = (!fit || fit_from_name(fit, &spec.fit))
                       && (!filter || filter_from_name(filter, &spec.filter))
                       && set->image.width == set->image.height && image_spec_check(&spec, NULL);
    return known ? spec : (ImageSpec){0};
}

ModelInfo trainer_model_info(const Trainer *t)
{
    const TrainConfig *c = &t->config;
    return (ModelInfo){.network = c->model->name,
                       .channels = c->dataset->image.channels,
                       .image_size = c->image_size,
                       .classes = c->dataset->classes,
                       .class_names = c->dataset->class_names,
                       .blocks = c->blocks,
                       .normalization = t->state.normalization,
                       .picture = picture_of(c->dataset),
                       .dataset_digest = c->dataset->packed ? c->dataset->packed->digest : NULL,
                       .precision = precision_resolve(c->precision)};
}

const TransferReport *trainer_transfer(const Trainer *t)
{
    return t->transfer.count > 0 ? &t->transfer : NULL;
}

const ResumeReport *trainer_resume(const Trainer *t)
{
    return t->resume.path ? &t->resume : NULL;
}

int64_t trainer_epoch_steps(const Trainer *t)
{
    return t->epoch_steps;
}

int64_t trainer_total_steps(const Trainer *t)
{
    const int64_t planned = t->epoch_steps * t->config.epochs;
    return planned > t->state.step ? planned : t->state.step;
}
