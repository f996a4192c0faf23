/* core/train/trainer/trainer_evaluate.c -- figures of the model on examples that it is not trained
 * on.
 *
 * Without held-out examples the test split is evaluated after every epoch, and "best" and early
 * stopping go by it, as the chapter does. With them, they are evaluated after every epoch and
 * chosen by, and the test split once, when the training is over. */
#include "core/train/trainer/trainer_evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/evaluate/split.h"
#include "core/train/trainer/trainer_data.h"
#include "core/train/trainer/trainer_events.h"
#include "core/train/trainer/trainer_ranks.h"
#include "core/train/trainer/trainer_sizes.h"
#include "core/train/trainer/trainer_step.h"

/* What is measured: `loader` has this rank's share of the examples, NULL for none. */
typedef struct {
    Loader *loader;
    int examples;      // of all ranks
    const char *loss;  // what it is called
} Measured;

/* Metrics over a share, and its examples' losses. Leaves early, with t->asked at TRAIN_STOP, if the
 * callback says so. */
static bool run_split(Trainer *t, const Measured *m, Metrics *sum, double *losses, Error *err)
{
    const SplitRun run = {.dataset = t->config.dataset,
                          .seed = t->config.seed,
                          .step = t->state.step,
                          .losses = losses,
                          .go_on = trainer_goes_on,
                          .context = t};
    return t->asked == TRAIN_STOP || !m->loader || split_evaluate(t->net, m->loader, &run, sum, err)
           || t->asked == TRAIN_STOP;
}

/* Metrics of the model, which is the moving average where there is one. */
static bool run_model(Trainer *t, const Measured *m, Metrics *sum, double *losses, Error *err)
{
    if (t->config.ema.decay <= 0)
        return run_split(t, m, sum, losses, err);
    average_swap(t->params);
    trainer_params_changed(t);
    const bool ok = run_split(t, m, sum, losses, err);
    average_swap(t->params);
    trainer_params_changed(t);
    return ok;
}

/* Each rank evaluates its share. The losses are added up one by one in the order of the examples,
 * so that the sum is that of one rank. */
static bool run_ranks(Trainer *t, const Measured *m, Metrics *sum, Error *err)
{
    const Comm *comm = t->config.comm;
    const int ranks = comm_size(comm), rank = comm_rank(comm);
    int most = 0;
    for (int r = 0; r < ranks; r++) {
        const int count = trainer_share(t, m->examples, r).count;
        most = count > most ? count : most;
    }
    Metrics *parts = xcalloc((size_t)ranks, sizeof *parts);
    double *losses = xcalloc((size_t)ranks * (size_t)most, sizeof *losses);
    const bool ok = comm_agree(
        comm, run_model(t, m, &parts[rank], losses + (size_t)rank * (size_t)most, err), err);
    if (ok) {
        comm_share(comm, parts, sizeof *parts);
        comm_share(comm, losses, (size_t)most * sizeof *losses);
    }
    for (int r = 0; r < ranks && ok; r++) {
        parts[r].loss = 0;
        metrics_add(sum, &parts[r]);
        for (int i = 0; i < trainer_share(t, m->examples, r).count; i++)
            sum->loss += losses[(size_t)r * (size_t)most + (size_t)i];
    }
    free(parts);
    free(losses);
    return ok;
}

/* Fills *sum and *step unless stopped. */
static bool measure(Trainer *t, const Measured *m, Metrics *sum, int64_t *step, Error *err)
{
    TrainState *s = &t->state;
    const double start = clock_seconds(), begun = trace_begin(t->config.trace);
    Metrics measured = {0};
    const bool alone = comm_size(t->config.comm) == 1;
    if (!(alone ? run_model(t, m, &measured, NULL, err) : run_ranks(t, m, &measured, err)))
        return false;
    trace_end(t->config.trace, TRACE_EVALUATE, begun);
    s->ending.seconds += clock_seconds() - start;
    trainer_ranks_meet(t);
    if (t->asked == TRAIN_STOP)
        return true;
    if (!isfinite(measured.loss))
        return trainer_not_a_number(m->loss, measured.loss, s->step, err);
    *sum = measured;
    *step = s->step;
    t->saved = false;
    return true;
}

bool trainer_test(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    if (!comm_agree(t->config.comm, trainer_open_test(t, err), err))
        return false;
    const Measured m = {t->test, trainer_examples(&t->config.dataset->test, t->config.test_limit),
                        "the loss on the test set"};
    return measure(t, &m, &s->test_sum, &s->test_step, err);
}

static bool validate(Trainer *t, Error *err)
{
    TrainState *s = &t->state;
    if (!comm_agree(t->config.comm, trainer_open_validation(t, err), err))
        return false;
    const Measured m = {t->validation, t->holdout.validation_count,
                        "the loss on the validation examples"};
    return measure(t, &m, &s->validation_sum, &s->validation_step, err);
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
