#include "core/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/team.h"
#include "core/data/loader.h"
#include "core/dnn/dnn.h"
#include "core/net/net.h"
#include "core/train/init.h"

/* DESIGN. TrainState is the whole of what changes besides the parameters; between two steps it and
 * they say exactly how to go on, so a checkpoint may be written there and nowhere else. An epoch
 * whose batches are all done but that has not been evaluated yet is such a place too (state.batch
 * equals the batches of an epoch): a stop during evaluation repeats the evaluation, not the
 * training. A step that is given up has changed neither parameters nor state, only gradients.
 *
 * The hook's answer is remembered in `asked` and acted upon between steps. */

struct Trainer {
    TrainConfig config;
    Graph *graph;
    ParamStore *params;
    Autotune *autotune;  // NULL: oneDNN's kernels alone
    char *autotune_path;
    Net *net;
    Loader *train;
    Loader *test;
    TrainState state;
    int64_t batches;         // in an epoch
    double last_checkpoint;  // clock
    TrainHook hook;
    void *hook_context;
    TrainAnswer asked;
    char note[256];          // of TRAIN_RESUMED
    char kernels_note[640];  // of TRAIN_KERNELS
};

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
    if (c->resume && !c->checkpoint_path)
        return fail(err, ERR_INVALID, "resume needs a checkpoint_path");
    return true;
}

static int examples(const Split *split, int limit)
{
    return limit > 0 && limit < split->count ? limit : split->count;
}

/* Say in t->note why bits may differ from an unbroken run; leaves it empty where they will not. */
static void compare_machines(Trainer *t, const TrainState *then, const TrainState *now)
{
    if (strcmp(then->cpu_isa, now->cpu_isa) != 0)
        snprintf(t->note, sizeof t->note,
                 "the checkpoint was written with %s instructions, this CPU uses %s: results may "
                 "differ in the last bits",
                 then->cpu_isa, now->cpu_isa);
    else if (strcmp(then->precision, now->precision) != 0)
        snprintf(t->note, sizeof t->note,
                 "the checkpoint was written in %s, this training goes on in %s: results will "
                 "differ",
                 then->precision, now->precision);
    else if (then->threads != now->threads)
        snprintf(t->note, sizeof t->note,
                 "the checkpoint was written with %d threads, now there are %d: results may differ "
                 "in the last bits",
                 then->threads, now->threads);
    else if (strcmp(then->onednn, now->onednn) != 0)
        snprintf(t->note, sizeof t->note,
                 "the checkpoint was written with oneDNN %s, this is %s: results may differ in the "
                 "last bits",
                 then->onednn, now->onednn);
}

/* The first thing to say about kernels is the one that is said. */
static void note_kernels(Trainer *t, const char *what)
{
    if (!t->kernels_note[0])
        snprintf(t->kernels_note, sizeof t->kernels_note, "%s", what);
}

/* Take what is known of kernels: of the checkpoint, then of a run to repeat, then of the cache.
 * What cannot be read will be measured, which is no reason not to train. */
static void load_kernels(Trainer *t)
{
    Error err = {0};
    if (!t->autotune)
        return;
    if (t->config.kernels && !autotune_use_record(t->autotune, t->config.kernels, &err))
        note_kernels(t, err.message);
    if (t->autotune_path && !autotune_load(t->autotune, t->autotune_path, &err))
        note_kernels(t, err.message);
}

static bool load_state(Trainer *t, Error *err)
{
    const TrainState here = t->state;
    TrainState there;
    const char *path = t->config.checkpoint_path;
    if (!checkpoint_load(path, t->params, &there, t->autotune, err))
        return false;
    if (there.seed != t->config.seed)
        return fail(err, ERR_INVALID, "%s is of a training with seed %llu, not %llu", path,
                    (unsigned long long)there.seed, (unsigned long long)t->config.seed);
    if (there.batch > t->batches || there.step != there.epoch * t->batches + there.batch)
        return fail(err, ERR_INVALID,
                    "%s is at step %lld of an epoch of other length: batch size or examples differ",
                    path, (long long)there.step);
    compare_machines(t, &there, &here);
    t->state = there;
    memcpy(t->state.cpu_isa, here.cpu_isa, sizeof here.cpu_isa);
    memcpy(t->state.precision, here.precision, sizeof here.precision);
    memcpy(t->state.onednn, here.onednn, sizeof here.onednn);
    memcpy(t->state.version, here.version, sizeof here.version);
    t->state.threads = here.threads;
    return true;
}

static bool goes_on(void *context);

static bool create_network(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const Shape image = {c->dataset->image.channels, c->image_size, c->image_size};
    const NetConfig how = {.batch_size = c->batch_size,
                           .bf16 = precision_resolve(c->precision) == PRECISION_BF16,
                           .label_smoothing = c->label_smoothing,
                           .autotune = t->autotune,
                           .go_on = goes_on,
                           .go_on_context = t};
    t->graph = model_graph(c->model, image, c->dataset->classes, err);
    return t->graph && params_new(t->graph, &t->params, err)
           && (c->sgd.momentum <= 0 || params_need_momentum(t->params, err))
           && net_new(t->graph, t->params, how, &t->net, err);
}

static bool create_loaders(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    const bool epoch_done = t->state.batch == t->batches;
    const LoaderConfig train = {.batch_size = c->batch_size,
                                .image_size = c->image_size,
                                .limit = c->train_limit,
                                .shuffle = true,
                                .seed = c->seed,
                                .first_epoch = t->state.epoch + epoch_done,
                                .first_batch = epoch_done ? 0 : t->state.batch};
    return loader_new(c->dataset, &c->dataset->train, train, &t->train, err);
}

bool trainer_new(const TrainConfig *config, Trainer **trainer, Error *err)
{
    if (!check_config(config, err))
        return false;
    Trainer *t = xcalloc(1, sizeof *t);
    t->config = *config;
    const int threads = team_start(config->threads);
    const int count = examples(&config->dataset->train, config->train_limit);
    t->batches = (count + config->batch_size - 1) / config->batch_size;
    t->state = (TrainState){.seed = config->seed, .best_accuracy = -1, .threads = threads};
    snprintf(t->state.cpu_isa, sizeof t->state.cpu_isa, "%s", dnn_isa_name());
    snprintf(t->state.precision, sizeof t->state.precision, "%s",
             PRECISION_NAMES[precision_resolve(config->precision)]);
    dnn_version(t->state.onednn, sizeof t->state.onednn);
    snprintf(t->state.version, sizeof t->state.version, "%s", GOOGLENETD_VERSION);

    t->autotune = config->library_only ? NULL : autotune_new();
    t->autotune_path = config->autotune_path ? xstrdup(config->autotune_path) : NULL;
    bool ok = create_network(t, err);
    if (ok)
        init_params(t->params, init_xavier_uniform, config->seed);
    ok = ok && (!config->resume || load_state(t, err)) && create_loaders(t, err);
    if (!ok) {
        trainer_free(t);
        return false;
    }
    load_kernels(t);
    t->config.kernels = NULL;  // the caller's
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
    free(t->autotune_path);
    params_free(t->params);
    graph_free(t->graph);
    free(t);
}

static TrainEvent event_now(const Trainer *t, TrainEventType type)
{
    const TrainState *s = &t->state;
    return (TrainEvent){
        .type = type,
        .step = s->step,
        .total_steps = trainer_total_steps(t),
        .epoch = s->epoch + 1,
        .epoch_position = (double)s->step / (double)t->batches,
        .loss = metrics_loss(&s->epoch_sum),
        .accuracy = metrics_accuracy(&s->epoch_sum),
        .learning_rate = schedule_rate(&t->config.schedule, t->config.learning_rate,
                                       s->step > 0 ? s->step - 1 : 0, trainer_total_steps(t)),
        .examples_per_second =
            s->epoch_seconds > 0 ? (double)s->epoch_sum.count / s->epoch_seconds : 0,
        .train_seconds = s->epoch_seconds,
    };
}

/* Tell the hook; the strongest answer since the last step counts. */
static void tell(Trainer *t, const TrainEvent *event)
{
    const TrainAnswer answer = t->hook ? t->hook(t->hook_context, event) : TRAIN_GO_ON;
    if (answer > t->asked)
        t->asked = answer;
}

static void tell_type(Trainer *t, TrainEventType type)
{
    const TrainEvent event = event_now(t, type);
    tell(t, &event);
}

/* The network asks between two micro-batches. */
static bool goes_on(void *context)
{
    Trainer *t = context;
    tell_type(t, TRAIN_PART);
    return t->asked != TRAIN_STOP;
}

static bool params_are_finite(const ParamStore *params)
{
    // A sum is finite only if all its terms are; terms of 1e38 do not occur in weights that train.
    double sum = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : sum)
    for (size_t i = 0; i < params->count; i++)
        sum += fabs((double)params->values[i]);
    return isfinite(sum);
}

static bool save(Trainer *t, Error *err)
{
    t->last_checkpoint = clock_seconds();
    if (!t->config.checkpoint_path)
        return true;
    if (!params_are_finite(t->params))
        return fail(
            err, ERR_NUMERIC,
            "a weight became infinite or NaN by step %lld; a smaller learning_rate may help",
            (long long)t->state.step);
    if (!checkpoint_save(t->config.checkpoint_path, t->params, &t->state, t->autotune, err))
        return false;
    tell_type(t, TRAIN_CHECKPOINT);
    return true;
}

/* Five points an epoch and its end, as the chapter plots them. */
static bool is_point(int64_t batch, int64_t batches)
{
    const int64_t spacing = batches >= 5 ? batches / 5 : 1;
    return batch % spacing == 0 || batch == batches;
}

/* Given up, with t->asked at TRAIN_STOP, if the hook says so in the middle. */
static bool train_step(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    const Batch *batch = loader_next(t->train);
    Metrics part = {0};
    if (!net_train_batch(t->net, batch->images, batch->labels, batch->count, &part, err))
        return t->asked == TRAIN_STOP;
    if (!isfinite(part.loss))
        return fail(err, ERR_NUMERIC,
                    "the loss became %s at step %lld; a smaller learning_rate may help",
                    isnan(part.loss) ? "NaN" : "infinite", (long long)s->step + 1);
    const double rate = schedule_rate(&t->config.schedule, t->config.learning_rate, s->step,
                                      trainer_total_steps(t));
    sgd_step(&t->config.sgd, rate, t->params);
    net_params_changed(t->net);
    metrics_add(&s->epoch_sum, &part);
    s->epoch_seconds += clock_seconds() - start;
    s->step++;
    s->batch++;
    tell_type(t, is_point(s->batch, t->batches) ? TRAIN_POINT : TRAIN_STEP);
    return true;
}

/* Metrics over the test split. Leaves early, with t->asked at TRAIN_STOP, if the hook says so. */
static bool evaluate(Trainer *t, Metrics *sum, Error *err)
{
    const TrainConfig *c = &t->config;
    if (!t->test) {
        const LoaderConfig how = {
            .batch_size = c->batch_size, .image_size = c->image_size, .limit = c->test_limit};
        if (!loader_new(c->dataset, &c->dataset->test, how, &t->test, err))
            return false;
    }
    for (bool last = false; !last && t->asked < TRAIN_STOP;) {
        const Batch *batch = loader_next(t->test);
        if (!net_evaluate_batch(t->net, batch->images, batch->labels, batch->count, sum, err))
            return t->asked == TRAIN_STOP;
        last = batch->last;
        if (!last)
            tell_type(t, TRAIN_PART);
    }
    return true;
}

/* Evaluate, report, and turn to the next epoch; only report-worthy if it was not stopped. */
static bool end_epoch(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    Metrics test = {0};
    if (!evaluate(t, &test, err))
        return false;
    if (t->asked == TRAIN_STOP) {
        // The next evaluation starts at the first example again.
        loader_free(t->test);
        t->test = NULL;
        return true;
    }
    TrainEvent event = event_now(t, TRAIN_EPOCH);
    event.test_loss = metrics_loss(&test);
    event.test_accuracy = metrics_accuracy(&test);
    event.test_top5_accuracy = metrics_top5_accuracy(&test);
    event.test_seconds = clock_seconds() - start;
    event.best = event.test_accuracy > s->best_accuracy;
    if (event.best) {
        s->best_accuracy = event.test_accuracy;
        s->best_epoch = s->epoch + 1;
    }
    s->epoch++;
    s->batch = 0;
    s->epoch_sum = (Metrics){0};
    s->epoch_seconds = 0;
    tell(t, &event);
    return true;
}

static bool checkpoint_is_due(const Trainer *t, bool epoch_ended)
{
    const TrainConfig *c = &t->config;
    const TrainState *s = &t->state;
    if (t->asked != TRAIN_GO_ON)
        return true;
    if (epoch_ended
        && (s->epoch == c->epochs
            || (c->checkpoint_every_epochs > 0 && s->epoch % c->checkpoint_every_epochs == 0)))
        return true;
    return c->checkpoint_every_seconds > 0
           && clock_seconds() - t->last_checkpoint >= c->checkpoint_every_seconds;
}

/* Choose a kernel for everything that the training will compute, and say which. */
static bool prepare(Trainer *t, Error *err)
{
    const TrainConfig *c = &t->config;
    Error unsaved = {0};
    const bool ready = net_prepare(t->net, examples(&c->dataset->train, c->train_limit),
                                   examples(&c->dataset->test, c->test_limit), err);
    if (t->autotune && t->autotune_path && !autotune_save(t->autotune, t->autotune_path, &unsaved))
        note_kernels(t, unsaved.message);
    if (!ready)
        return t->asked == TRAIN_STOP;
    static const char DIFFER[] = "kernels that were recorded are not available here and were "
                                 "chosen anew: results may differ in the last bits";
    if (t->autotune && autotune_bits_may_differ(t->autotune)) {
        note_kernels(t, DIFFER);
        if (!t->note[0])
            snprintf(t->note, sizeof t->note, "%s", DIFFER);
    }
    char *record = t->autotune ? autotune_record(t->autotune) : NULL;
    TrainEvent event = event_now(t, TRAIN_KERNELS);
    event.kernels = record;
    event.note = t->kernels_note[0] ? t->kernels_note : NULL;
    tell(t, &event);
    free(record);
    return true;
}

bool trainer_run(Trainer *t, TrainHook hook, void *context, Error *err)
{
    t->hook = hook;
    t->hook_context = context;
    t->last_checkpoint = clock_seconds();
    if (t->state.epoch < t->config.epochs && !prepare(t, err))
        return false;
    if (t->config.resume) {
        TrainEvent event = event_now(t, TRAIN_RESUMED);
        event.note = t->note[0] ? t->note : NULL;
        tell(t, &event);
    }
    while (t->state.epoch < t->config.epochs) {
        const bool epoch_done = t->state.batch == t->batches;
        if (t->asked == TRAIN_GO_ON && !(epoch_done ? end_epoch(t, err) : train_step(t, err)))
            return false;
        const bool epoch_ended = epoch_done && t->state.batch == 0;
        if (!checkpoint_is_due(t, epoch_ended))
            continue;
        const TrainAnswer asked = t->asked;
        t->asked = TRAIN_GO_ON;
        if (!save(t, err))
            return false;
        const bool stop = asked == TRAIN_STOP || t->asked == TRAIN_STOP;
        if (stop && t->state.epoch < t->config.epochs)
            return fail(err, ERR_STOPPED, "stopped at step %lld of %lld", (long long)t->state.step,
                        (long long)trainer_total_steps(t));
    }
    return true;
}

const ParamStore *trainer_params(const Trainer *t)
{
    return t->params;
}

const Graph *trainer_graph(const Trainer *t)
{
    return t->graph;
}

const TrainState *trainer_state(const Trainer *t)
{
    return &t->state;
}

int64_t trainer_total_steps(const Trainer *t)
{
    return t->batches * t->config.epochs;
}
