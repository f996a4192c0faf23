#include "core/train/trainer/trainer_new.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/threads/team.h"
#include "core/data/packed/packed_index.h"
#include "core/train/trainer/trainer_data.h"
#include "core/train/trainer/trainer_events.h"
#include "core/train/trainer/trainer_kernels.h"
#include "core/train/trainer/trainer_ranks.h"
#include "core/train/trainer/trainer_shards.h"
#include "core/train/trainer/trainer_sizes.h"
#include "core/train/trainer/trainer_start.h"
#include "core/train/trainer/trainer_step.h"

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
    t->graph = trainer_graph(t, c->image_size, err);
    t->synced = c->sync && t->shard_count > 1 && t->graph && graph_couples_examples(t->graph);
    if (!t->graph || !check_batches(t, err) || !trainer_check_shards(t, err)
        || !params_new(t->graph, &t->params, err) || !trainer_new_shards(t, err))
        return false;
    find_head(t);
    return batch_group_new(t->params, t->accumulation, c->clip_norm > 0, &t->group, err)
           && net_new(t->graph, t->params, trainer_net_config(t), &t->net, err)
           && trainer_check_sizes(t, err);
}

bool trainer_new(const TrainConfig *config, Trainer **trainer, Error *err)
{
    if (!train_config_check(config, err))
        return false;
    Trainer *t = xcalloc(1, sizeof *t);
    t->config = *config;
    const int threads = team_start(config->threads);
    t->loader_threads = config->loader_threads > 0 ? config->loader_threads : (threads + 3) / 4;
    t->accumulation = config->accumulation > 1 ? config->accumulation : 1;
    t->shard_count = config->shards > 1 ? config->shards : 1;
    t->state = trainer_fresh_state(config, threads);
    const bool leads = comm_rank(config->comm) == 0;
    if (config->checkpoint_path && leads)
        t->checkpoint_path = xstrdup(config->checkpoint_path);
    t->autotune = config->library_only ? NULL : autotune_new();
    t->autotune_path = config->autotune_path && leads ? xstrdup(config->autotune_path) : NULL;
    bool ok = comm_agree(config->comm, trainer_hold_out(t, err) && create_network(t, err), err);
    ok = ok && trainer_ranks_agree(t, err);
    ok = ok && comm_agree(config->comm, trainer_start(t, err), err);
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
