/* DESIGN
 * TrainState is the whole of what changes besides the parameters; between two steps it and they say
 * exactly how to go on, so a checkpoint may be written there and nowhere else. An epoch whose
 * batches are all done but that has not been evaluated yet is such a point too (state.batch equals
 * the batches of an epoch): a stop during evaluation repeats the evaluation, not the training. A
 * step that is given up, in whichever of its batches, has changed neither parameters nor state,
 * only gradients.
 *
 * With a moving average of the weights, the average is the model: evaluated, compared and saved. It
 * changes places with the trained weights for an evaluation, and is back before anything else.
 *
 * The callback's answer is remembered in `asked` and acted upon between steps.
 *
 * Whatever ends the training, its last event's figures are those of the final weights: a budget
 * that ends it within an epoch costs one evaluation more. */
#include "core/train/trainer/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/train/trainer/trainer_evaluate.h"
#include "core/train/trainer/trainer_events.h"
#include "core/train/trainer/trainer_private.h"
#include "core/train/trainer/trainer_ranks.h"
#include "core/train/trainer/trainer_step.h"

/* ---- Checkpoints ---- */

static bool save_once(Trainer *t, Error *err)
{
    const ModelInfo info = trainer_model_info(t);
    if (checkpoint_save(t->checkpoint_path, t->params, &t->state, t->autotune, &info, err)) {
        t->saved = true;
        trainer_report_type(t, TRAIN_CHECKPOINT);
        return true;
    }
    TrainEvent event = trainer_event(t, TRAIN_CHECKPOINT_FAILED);
    event.error = err;
    trainer_report(t, &event);
    return false;
}

/* Again, as long as the callback asks for it: parameters and state are still as they were. */
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

/* ---- The end of an epoch ---- */

/* Whether the training is over after this epoch, whose figures are known. */
static bool is_last_epoch(const Trainer *t)
{
    const EarlyEnding *rules = &t->config.early_ending;
    EndingState after = t->state.ending;
    ending_epoch(rules, &after, trainer_accuracy(t));
    return t->state.epoch + 1 >= t->config.epochs || ending_early(rules, &after) != ENDING_NONE;
}

/* Evaluate, begin the next epoch, and report; nothing of it if it was stopped. */
static bool end_epoch(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    if (!trainer_evaluate(t, err))
        return false;
    if (t->asked < TRAIN_STOP && !trainer_is_tested(t) && is_last_epoch(t) && !trainer_test(t, err))
        return false;
    if (t->asked == TRAIN_STOP)
        return true;
    ending_epoch(&t->config.early_ending, &s->ending, trainer_accuracy(t));
    s->last_sum = s->epoch_sum;
    s->last_seconds = s->epoch_seconds;
    s->epoch++;
    s->batch = 0;
    s->epoch_sum = (Metrics){0};
    s->epoch_seconds = 0;
    TrainEvent event = trainer_event(t, TRAIN_EPOCH);
    event.test_seconds = clock_seconds() - start;
    trainer_report(t, &event);
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
    if (t->asked == TRAIN_GO_ON && !(epoch_done ? end_epoch(t, err) : trainer_step(t, err)))
        return false;
    trainer_ranks_meet(t);
    const bool epoch_ended = epoch_done && t->state.batch == 0;
    if (!trainer_ranks_decide(t, checkpoint_is_due(t, epoch_ended)))
        return true;
    const TrainAnswer asked = t->asked;
    t->asked = TRAIN_GO_ON;
    if (!comm_agree(t->config.comm, save(t, err), err))
        return false;
    trainer_ranks_meet(t);
    // A stop that comes with the end stops nothing.
    const bool over = ending_now(t) != ENDING_NONE && trainer_is_tested(t);
    return over || (asked != TRAIN_STOP && t->asked != TRAIN_STOP) || stopped(t, err);
}

static bool finish(Trainer *t, Ending ending, Error *err)
{
    if (!trainer_is_evaluated(t) && !trainer_evaluate(t, err))
        return false;
    if (t->asked < TRAIN_STOP && !trainer_is_tested(t) && !trainer_test(t, err))
        return false;
    if (!trainer_is_tested(t))
        return (t->saved || save(t, err)) && stopped(t, err);
    if (!t->saved && !save(t, err))
        return false;
    TrainEvent event = trainer_event(t, TRAIN_END);
    event.ending = ending;
    trainer_report(t, &event);
    return true;
}

/* Choose kernels, if anything is left to compute. A stop in the middle of it is not a fault. */
static bool prepare(Trainer *t, Error *err)
{
    if (ending_now(t) == ENDING_COMPLETED && trainer_is_tested(t))
        return true;
    if (!trainer_ranks_kernels(t, err))
        return t->asked == TRAIN_STOP;
    trainer_report_kernels(t);
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
        trainer_report_resumed(t);
    else if (t->transfer.count > 0)
        trainer_report_initialized(t);
    trainer_ranks_meet(t);
    Ending ending;
    while ((ending = ending_now(t)) == ENDING_NONE)
        if (!advance(t, err))
            return false;
    return finish(t, ending, err);
}
