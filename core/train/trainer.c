/* DESIGN
 * TrainState is the whole of what changes besides the parameters; between two steps it and they say
 * exactly how to go on, so a checkpoint may be written there and nowhere else. An epoch whose
 * batches are all done but that has not been evaluated yet is such a point too (state.batch equals
 * the batches of an epoch): a stop during evaluation repeats the evaluation, not the training. A
 * step that is given up has changed neither parameters nor state, only gradients.
 *
 * The callback's answer is remembered in `asked` and acted upon between steps.
 *
 * Whatever ends the training, its last event's figures are those of the final weights: a budget
 * that ends it within an epoch costs one evaluation more. */
#include "core/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/train/trainer_inside.h"

/* ---- Events ---- */

static bool is_evaluated(const TrainState *s)
{
    return s->test_sum.count > 0 && s->test_step == s->step;
}

static void add_test_figures(const TrainState *s, TrainEvent *event)
{
    event->evaluated = is_evaluated(s);
    if (!event->evaluated)
        return;
    event->test_loss = metrics_loss(&s->test_sum);
    event->test_accuracy = metrics_accuracy(&s->test_sum);
    event->test_top5_accuracy = metrics_top5_accuracy(&s->test_sum);
    event->best = s->best_step == s->step;
}

static TrainEvent event_now(const Trainer *t, TrainEventType type)
{
    const TrainState *s = &t->state;
    const int64_t total = trainer_total_steps(t);
    // Between two epochs the figures are still those of the one that ended.
    const bool between = s->batch == 0 && s->epoch > 0;
    const Metrics *sum = between ? &s->last_sum : &s->epoch_sum;
    const double seconds = between ? s->last_seconds : s->epoch_seconds;
    TrainEvent event = {
        .type = type,
        .step = s->step,
        .total_steps = total,
        .epoch = between ? s->epoch : s->epoch + 1,
        .epoch_position = (double)s->step / (double)t->batches,
        .loss = metrics_loss(sum),
        .accuracy = metrics_accuracy(sum),
        .learning_rate = schedule_rate(&t->config.schedule, t->config.learning_rate,
                                       s->step > 0 ? s->step - 1 : 0, total),
        .examples_per_second = seconds > 0 ? (double)sum->count / seconds : 0,
        .train_seconds = seconds,
        .total_seconds = s->ending.seconds,
    };
    if (type == TRAIN_EPOCH || type == TRAIN_CHECKPOINT || type == TRAIN_RESUMED
        || type == TRAIN_END)
        add_test_figures(s, &event);
    return event;
}

EpochMetrics train_event_metrics(const TrainEvent *e)
{
    return (EpochMetrics){
        .epoch = e->epoch,
        .step = e->step,
        .train_loss = e->loss,
        .train_accuracy = e->accuracy,
        .test_loss = e->test_loss,
        .test_accuracy = e->test_accuracy,
        .test_top5_accuracy = e->test_top5_accuracy,
        .learning_rate = e->learning_rate,
        .examples_per_second = e->examples_per_second,
        .duration_seconds = e->train_seconds + e->test_seconds,
    };
}

/* Call the callback; the strongest answer since the last step counts. */
static void report(Trainer *t, const TrainEvent *event)
{
    const TrainAnswer answer = t->callback ? t->callback(t->context, event) : TRAIN_GO_ON;
    if (answer > t->asked)
        t->asked = answer;
}

static void report_type(Trainer *t, TrainEventType type)
{
    const TrainEvent event = event_now(t, type);
    report(t, &event);
}

bool trainer_goes_on(void *context)
{
    Trainer *t = context;
    report_type(t, TRAIN_PART);
    return t->asked != TRAIN_STOP;
}

static void report_resumed(Trainer *t)
{
    char note[512];
    TrainEvent event = event_now(t, TRAIN_RESUMED);
    if (t->state.epoch >= t->config.epochs) {
        snprintf(note, sizeof note,
                 "%lld step%s of %lld in %d epoch%s are done: nothing is left to train",
                 (long long)t->state.step, t->state.step == 1 ? "" : "s",
                 (long long)(t->batches * t->config.epochs), t->config.epochs,
                 t->config.epochs == 1 ? "" : "s");
        event.note = note;
    } else if (resume_sentence(&t->resume, note, sizeof note)) {
        event.note = note;
    }
    report(t, &event);
}

static void report_kernels(Trainer *t)
{
    char *record = t->autotune ? autotune_record(t->autotune) : NULL;
    TrainEvent event = event_now(t, TRAIN_KERNELS);
    event.kernels = record;
    event.note = t->kernels_note[0] ? t->kernels_note : NULL;
    report(t, &event);
    free(record);
}

/* ---- Checkpoints ---- */

static bool save_once(Trainer *t, Error *err)
{
    if (checkpoint_save(t->checkpoint_path, t->params, &t->state, t->autotune, err)) {
        t->saved = true;
        report_type(t, TRAIN_CHECKPOINT);
        return true;
    }
    TrainEvent event = event_now(t, TRAIN_CHECKPOINT_FAILED);
    event.error = err;
    report(t, &event);
    return false;
}

/* Again, as long as the callback asks for it: the parameters and the state are still as they were.
 */
static bool save(Trainer *t, Error *err)
{
    const TrainAnswer before = t->asked;
    bool ok = true;
    t->last_checkpoint = clock_seconds();
    t->asked = TRAIN_CHECKPOINT_NOW;
    while (t->checkpoint_path && t->asked == TRAIN_CHECKPOINT_NOW) {
        t->asked = TRAIN_GO_ON;
        ok = save_once(t, err);
    }
    if (!t->checkpoint_path || before > t->asked)
        t->asked = before;
    return ok;
}

static bool checkpoint_is_due(const Trainer *t, bool epoch_ended)
{
    const TrainConfig *c = &t->config;
    const TrainState *s = &t->state;
    if (t->asked != TRAIN_GO_ON)
        return true;
    if (epoch_ended
        && ((c->checkpoint_best && s->best_step == s->step)
            || (c->checkpoint_every_epochs > 0 && s->epoch % c->checkpoint_every_epochs == 0)))
        return true;
    return c->checkpoint_every_seconds > 0
           && clock_seconds() - t->last_checkpoint >= c->checkpoint_every_seconds;
}

static bool stopped(const Trainer *t, Error *err)
{
    return fail(err, ERR_STOPPED, "stopped at step %lld of %lld", (long long)t->state.step,
                (long long)trainer_total_steps(t));
}

/* ---- NaN and infinity ---- */

static bool not_a_number(const char *what, double x, int64_t step, Error *err)
{
    return fail(err, ERR_NUMERIC, "%s became %s at step %lld; a smaller learning_rate may help",
                what, isnan(x) ? "NaN" : "infinite", (long long)step);
}

/* Fails with the first parameter that has NaN or infinity in `array`. */
static bool check_array(const Trainer *t, const char *what, const float *array, Error *err)
{
    for (int p = 0; p < t->params->param_count; p++) {
        const Param *param = &t->params->params[p];
        for (size_t i = 0; role_is_trained(param->role) && i < param->count; i++) {
            const float x = array[param->offset + i];
            if (isfinite(x))
                continue;
            char name[GRAPH_MAX_NAME + 64];
            snprintf(name, sizeof name, what, param->name);
            return not_a_number(name, x, t->state.step + 1, err);
        }
    }
    return true;
}

/* Searches the arrays only if the update has found NaN or infinity. */
static bool check_update(const Trainer *t, const SgdReport *update, Error *err)
{
    if (!isfinite(update->grad_norm))
        return check_array(t, "the gradient of %s", t->params->grads, err)
               && not_a_number("the norm of the gradients", update->grad_norm, t->state.step + 1,
                               err);
    return update->values_finite || check_array(t, "a number of %s", t->params->values, err);
}

/* ---- Training and evaluation ---- */

/* Five points an epoch and its end, as the chapter plots them. */
static bool is_point(int64_t batch, int64_t batches)
{
    const int64_t spacing = batches >= 5 ? batches / 5 : 1;
    return batch % spacing == 0 || batch == batches;
}

static NetBatch net_batch(const Trainer *t, const Batch *b)
{
    return (NetBatch){.images = b->images,
                      .labels = b->labels,
                      .mixed_labels = b->mixed_labels,
                      .share = b->share,
                      .count = b->count,
                      .seed = t->config.seed,
                      .step = t->state.step};
}

/* Given up, with t->asked at TRAIN_STOP, if the callback says so in the middle. */
static bool train_step(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    const Batch *batch = loader_next(t->train);
    Metrics part = {0};
    const NetBatch step = net_batch(t, batch);
    if (!net_train_batch(t->net, &step, &part, err))
        return t->asked == TRAIN_STOP;
    if (!isfinite(part.loss))
        return not_a_number("the loss", part.loss, s->step + 1, err);
    const double rate = schedule_rate(&t->config.schedule, t->config.learning_rate, s->step,
                                      trainer_total_steps(t));
    const SgdReport update = sgd_step(&t->config.sgd, rate, t->params);
    if (!check_update(t, &update, err))
        return false;
    net_params_changed(t->net);
    metrics_add(&s->epoch_sum, &part);
    const double seconds = clock_seconds() - start;
    s->epoch_seconds += seconds;
    s->ending.seconds += seconds;
    s->step++;
    s->batch++;
    t->saved = false;
    report_type(t, is_point(s->batch, t->batches) ? TRAIN_POINT : TRAIN_STEP);
    return true;
}

/* Metrics over the test split. Leaves early, with t->asked at TRAIN_STOP, if the callback says so.
 */
static bool run_test_split(Trainer *t, Metrics *sum, Error *err)
{
    if (!trainer_open_test(t, err))
        return false;
    for (bool last = false; !last && t->asked < TRAIN_STOP;) {
        const Batch *batch = loader_next(t->test);
        const NetBatch part = net_batch(t, batch);
        if (!net_evaluate_batch(t->net, &part, sum, err))
            return t->asked == TRAIN_STOP;
        last = batch->last;
        if (!last)
            report_type(t, TRAIN_PART);
    }
    return true;
}

/* Evaluate the weights as they are; unless stopped, the state knows the figures, and whether they
 * are the best so far. */
static bool evaluate(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    Metrics test = {0};
    if (!run_test_split(t, &test, err))
        return false;
    s->ending.seconds += clock_seconds() - start;
    if (t->asked == TRAIN_STOP)
        return true;
    if (!isfinite(test.loss))
        return not_a_number("the loss on the test set", test.loss, s->step, err);
    s->test_sum = test;
    s->test_step = s->step;
    if (metrics_accuracy(&test) > s->best_accuracy) {
        s->best_accuracy = metrics_accuracy(&test);
        s->best_epoch = s->batch > 0 ? s->epoch + 1 : s->epoch;
        s->best_step = s->step;
    }
    t->saved = false;
    return true;
}

/* Evaluate, begin the next epoch, and report; nothing of it if it was stopped. */
static bool end_epoch(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    if (!evaluate(t, err))
        return false;
    if (t->asked == TRAIN_STOP)
        return true;
    ending_epoch(&t->config.early_ending, &s->ending, metrics_accuracy(&s->test_sum));
    s->last_sum = s->epoch_sum;
    s->last_seconds = s->epoch_seconds;
    s->epoch++;
    s->batch = 0;
    s->epoch_sum = (Metrics){0};
    s->epoch_seconds = 0;
    TrainEvent event = event_now(t, TRAIN_EPOCH);
    event.test_seconds = clock_seconds() - start;
    report(t, &event);
    return true;
}

/* ---- The run ---- */

static Ending ending_now(const Trainer *t)
{
    const TrainState *s = &t->state;
    if (s->epoch >= t->config.epochs)
        return ENDING_COMPLETED;
    // An epoch whose batches are done is evaluated first, and the shortest budget pays one step.
    if (s->batch == t->batches || s->step == 0)
        return ENDING_NONE;
    return ending_early(&t->config.early_ending, &s->ending);
}

/* A step or an epoch's end, and the checkpoint if one is due. */
static bool advance(Trainer *t, Error *err)
{
    const bool epoch_done = t->state.batch == t->batches;
    if (t->asked == TRAIN_GO_ON && !(epoch_done ? end_epoch(t, err) : train_step(t, err)))
        return false;
    const bool epoch_ended = epoch_done && t->state.batch == 0;
    if (!checkpoint_is_due(t, epoch_ended))
        return true;
    const TrainAnswer asked = t->asked;
    t->asked = TRAIN_GO_ON;
    if (!save(t, err))
        return false;
    // A stop that comes with the end stops nothing.
    const bool over = ending_now(t) != ENDING_NONE && is_evaluated(&t->state);
    return over || (asked != TRAIN_STOP && t->asked != TRAIN_STOP) || stopped(t, err);
}

static bool finish(Trainer *t, Ending ending, Error *err)
{
    if (!is_evaluated(&t->state)) {
        if (!evaluate(t, err))
            return false;
        if (t->asked == TRAIN_STOP)
            return (t->saved || save(t, err)) && stopped(t, err);
    }
    if (!t->saved && !save(t, err))
        return false;
    TrainEvent event = event_now(t, TRAIN_END);
    event.ending = ending;
    report(t, &event);
    return true;
}

/* Choose kernels, if anything is left to compute. A stop in the middle of it is not a fault. */
static bool prepare(Trainer *t, Error *err)
{
    if (ending_now(t) == ENDING_COMPLETED && is_evaluated(&t->state))
        return true;
    if (!trainer_choose_kernels(t, err))
        return t->asked == TRAIN_STOP;
    report_kernels(t);
    return true;
}

bool trainer_run(Trainer *t, TrainCallback callback, void *context, Error *err)
{
    t->callback = callback;
    t->context = context;
    t->last_checkpoint = clock_seconds();
    t->saved = t->resume.path != NULL;
    if (!prepare(t, err))
        return false;
    if (t->resume.path)
        report_resumed(t);
    Ending ending;
    while ((ending = ending_now(t)) == ENDING_NONE)
        if (!advance(t, err))
            return false;
    return finish(t, ending, err);
}
