/* core/train/trainer_evaluate.c -- figures of the model on examples that it is not trained on.
 *
 * Without held-out examples the test split is evaluated after every epoch, and "best" and early
 * stopping go by it, as the chapter does. With them, they are evaluated after every epoch and
 * chosen by, and the test split once, when the training is over. */
#include <math.h>

#include "core/base/clock.h"
#include "core/evaluate/split.h"
#include "core/train/trainer_inside.h"

/* Metrics over a split. Leaves early, with t->asked at TRAIN_STOP, if the callback says so. */
static bool run_split(Trainer *t, Loader *split, Metrics *sum, Error *err)
{
    const SplitRun run = {.dataset = t->config.dataset,
                          .seed = t->config.seed,
                          .step = t->state.step,
                          .go_on = trainer_goes_on,
                          .context = t};
    return t->asked == TRAIN_STOP || split_evaluate(t->net, split, &run, sum, err)
           || t->asked == TRAIN_STOP;
}

/* Metrics of the model, which is the moving average where there is one. */
static bool run_model(Trainer *t, Loader *split, Metrics *sum, Error *err)
{
    if (t->config.ema.decay <= 0)
        return run_split(t, split, sum, err);
    average_swap(t->params);
    trainer_params_changed(t);
    const bool ok = run_split(t, split, sum, err);
    average_swap(t->params);
    trainer_params_changed(t);
    return ok;
}

/* Fills *sum and *step unless stopped. */
static bool measure(Trainer *t, Loader *split, const char *name, Metrics *sum, int64_t *step,
                    Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds();
    Metrics measured = {0};
    const Comm *comm = t->config.comm;
    if (!comm_agree(comm, comm_rank(comm) > 0 || run_model(t, split, &measured, err), err))
        return false;
    comm_broadcast(comm, &measured, sizeof measured);
    s->ending.seconds += clock_seconds() - start;
    trainer_ranks_meet(t);
    if (t->asked == TRAIN_STOP)
        return true;
    if (!isfinite(measured.loss))
        return trainer_not_a_number(name, measured.loss, s->step, err);
    *sum = measured;
    *step = s->step;
    t->saved = false;
    return true;
}

bool trainer_test(Trainer *t, Error *err)
{
    return trainer_open_test(t, err)
           && measure(t, t->test, "the loss on the test set", &t->state.test_sum,
                      &t->state.test_step, err);
}

static bool validate(Trainer *t, Error *err)
{
    return trainer_open_validation(t, err)
           && measure(t, t->validation, "the loss on the validation examples",
                      &t->state.validation_sum, &t->state.validation_step, err);
}

double trainer_accuracy(const Trainer *t)
{
    const TrainState *s = &t->state;
    return metrics_accuracy(t->holdout.validation_count > 0 ? &s->validation_sum : &s->test_sum);
}

bool trainer_evaluate(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    if (!(t->holdout.validation_count > 0 ? validate(t, err) : trainer_test(t, err)))
        return false;
    if (t->asked == TRAIN_STOP)
        return true;
    if (trainer_accuracy(t) > s->best_accuracy) {
        s->best_accuracy = trainer_accuracy(t);
        s->best_epoch = s->batch > 0 ? s->epoch + 1 : s->epoch;
        s->best_step = s->step;
    }
    return true;
}
