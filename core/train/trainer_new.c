#include <stdio.h>
#include <stdlib.h>

#include "core/base/cpu.h"
#include "core/base/memory.h"
#include "core/base/team.h"
#include "core/dnn/dnn.h"
#include "core/train/init.h"
#include "core/train/trainer_inside.h"

static bool check_config(const TrainConfig *c, Error *err)
{
    if (c->epochs < 1)
        return fail(err, ERR_INVALID, "epochs must be 1 or more, got %d", c->epochs);
    if (c->batch_size < 1)
        return fail(err, ERR_INVALID, "batch_size must be 1 or more, got %d", c->batch_size);
    if (!(c->learning_rate > 0))
        return fail(err, ERR_INVALID, "learning_rate must be above 0, got %g", c->learning_rate);
    if (c->sgd.nesterov && !(c->sgd.momentum > 0))
        return fail(err, ERR_INVALID, "nesterov needs a momentum above 0");
    if (c->precision == PRECISION_BF16 && !net_bf16_is_fast())
        return fail(err, ERR_INVALID,
                    "precision bf16 needs a CPU with AVX512-BF16 or AMX, this one has %s; use f32 "
                    "or auto",
                    dnn_isa_name());
    return true;
}

int trainer_examples(const Split *split, int limit)
{
    return limit > 0 && limit < split->count ? limit : split->count;
}

/* The state before the first step, on this machine. */
static TrainState fresh_state(const TrainConfig *c, int threads)
{
    TrainState s = train_state_start();
    s.seed = c->seed;
    s.threads = threads;
    cpu_model(s.cpu, sizeof s.cpu);
    snprintf(s.cpu_isa, sizeof s.cpu_isa, "%s", dnn_isa_name());
    snprintf(s.precision, sizeof s.precision, "%s",
             PRECISION_NAMES[precision_resolve(c->precision)]);
    dnn_version(s.onednn, sizeof s.onednn);
    snprintf(s.version, sizeof s.version, "%s", GOOGLENETD_VERSION);
    return s;
}

static bool create_network(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const Shape image = {c->dataset->image.channels, c->image_size, c->image_size};
    const NetConfig how = {.batch_size = c->batch_size,
                           .bf16 = precision_resolve(c->precision) == PRECISION_BF16,
                           .label_smoothing = c->label_smoothing,
                           .autotune = t->autotune,
                           .go_on = trainer_goes_on,
                           .go_on_context = t};
    t->graph = model_graph(c->model, image, c->dataset->classes, err);
    return t->graph && params_new(t->graph, &t->params, err)
           && (c->sgd.momentum <= 0 || params_need_slot(t->params, SLOT_MOMENTUM, err))
           && net_new(t->graph, t->params, how, &t->net, err);
}

/* A batch of one example has no variance. */
static bool check_batches(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const int examples = trainer_examples(&c->dataset->train, c->train_limit);
    t->batches = net_epoch_batches(t->graph, examples, c->batch_size);
    if (graph_couples_examples(t->graph) && (c->batch_size < 2 || examples < 2))
        return fail(err, ERR_INVALID,
                    "%s normalises by the batch, which needs 2 examples or more, got %d",
                    c->model->name, c->batch_size < 2 ? c->batch_size : examples);
    return true;
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
    if (state.batch > t->batches || state.step != state.epoch * t->batches + state.batch)
        return fail(err, ERR_INVALID,
                    "%s is at step %lld of an epoch of other length: batch size or examples differ",
                    path, (long long)state.step);
    t->state = state;
    return true;
}

/* Weights and state to begin with. */
static bool start_state(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    init_params(t->params, init_rule(c->model->weights), c->seed);
    if (c->resume_count > 0)
        return load_state(t, err);
    return !c->init_from || model_load(c->init_from, t->params, c->model->left_out, err);
}

bool trainer_new(const TrainConfig *config, Trainer **trainer, Error *err)
{
    if (!check_config(config, err))
        return false;
    Trainer *t = xcalloc(1, sizeof *t);
    t->config = *config;
    const int threads = team_start(config->threads);
    t->state = fresh_state(config, threads);
    if (config->checkpoint_path)
        t->checkpoint_path = xstrdup(config->checkpoint_path);
    t->autotune = config->library_only ? NULL : autotune_new();
    t->autotune_path = config->autotune_path ? xstrdup(config->autotune_path) : NULL;
    bool ok = create_network(t, err) && check_batches(t, err);
    ok = ok && start_state(t, err) && trainer_open_data(t, err);
    if (!ok) {
        trainer_free(t);
        return false;
    }
    trainer_load_kernels(t);
    *trainer = t;
    return true;
}

void trainer_free(Trainer *t)
{
    if (!t)
        return;
    loader_free(t->train);
    loader_free(t->test);
    net_free(t->net);
    autotune_free(t->autotune);
    resume_report_free(&t->resume);
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

const ResumeReport *trainer_resume(const Trainer *t)
{
    return t->resume.path ? &t->resume : NULL;
}

int64_t trainer_epoch_steps(const Trainer *t)
{
    return t->batches;
}

int64_t trainer_total_steps(const Trainer *t)
{
    const int64_t planned = t->batches * t->config.epochs;
    return planned > t->state.step ? planned : t->state.step;
}
