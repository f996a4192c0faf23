#include "core/train/trainer/trainer_events.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

double trainer_rate(const Trainer *t, int64_t step)
{
    const StepCounts counts = {.epoch = t->epoch_steps, .total = trainer_total_steps(t)};
    return schedule_rate(&t->config.schedule, t->config.learning_rate, step, counts);
}

bool trainer_is_evaluated(const Trainer *t)
{
    const TrainState *s = &t->state;
    return t->holdout.validation_count > 0
               ? s->validation_sum.count > 0 && s->validation_step == s->step
               : trainer_is_tested(t);
}

bool trainer_is_tested(const Trainer *t)
{
    return t->state.test_sum.count > 0 && t->state.test_step == t->state.step;
}

static void add_figures(const Trainer *t, TrainEvent *event)
{
    const TrainState *s = &t->state;
    event->evaluated = trainer_is_evaluated(t);
    event->best = event->evaluated && s->best_step == s->step;
    event->validated = event->evaluated && t->holdout.validation_count > 0;
    if (event->validated) {
        event->validation_loss = metrics_loss(&s->validation_sum);
        event->validation_accuracy = metrics_accuracy(&s->validation_sum);
    }
    event->tested = trainer_is_tested(t);
    if (event->tested) {
        event->test_loss = metrics_loss(&s->test_sum);
        event->test_accuracy = metrics_accuracy(&s->test_sum);
        event->test_top5_accuracy = metrics_top5_accuracy(&s->test_sum);
    }
}

TrainEvent trainer_event(const Trainer *t, TrainEventType type)
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
        .epoch_position = (double)(s->epoch * t->batches + s->batch) / (double)t->batches,
        .loss = metrics_loss(sum),
        .accuracy = metrics_accuracy(sum),
        .learning_rate = trainer_rate(t, s->step > 0 ? s->step - 1 : 0),
        .step_examples = t->step_examples,
        .examples_per_second = seconds > 0 ? (double)sum->count / seconds : 0,
        .train_seconds = seconds,
        .total_seconds = s->ending.seconds,
    };
    if (type == TRAIN_EPOCH || type == TRAIN_CHECKPOINT || type == TRAIN_RESUMED
        || type == TRAIN_END)
        add_figures(t, &event);
    return event;
}

EpochMetrics train_event_metrics(const TrainEvent *e)
{
    return (EpochMetrics){
        .epoch = e->epoch,
        .step = e->step,
        .train_loss = e->loss,
        .train_accuracy = e->accuracy,
        .validation_loss = e->validated ? e->validation_loss : NAN,
        .validation_accuracy = e->validated ? e->validation_accuracy : NAN,
        .test_loss = e->tested ? e->test_loss : NAN,
        .test_accuracy = e->tested ? e->test_accuracy : NAN,
        .test_top5_accuracy = e->tested ? e->test_top5_accuracy : NAN,
        .learning_rate = e->learning_rate,
        .examples_per_second = e->examples_per_second,
        .duration_seconds = e->train_seconds + e->test_seconds,
    };
}

void trainer_report(Trainer *t, const TrainEvent *event)
{
    const TrainAnswer answer = t->callback ? t->callback(t->context, event) : TRAIN_GO_ON;
    if (answer > t->asked)
        t->asked = answer;
}

void trainer_report_type(Trainer *t, TrainEventType type)
{
    const TrainEvent event = trainer_event(t, type);
    trainer_report(t, &event);
}

bool trainer_goes_on(void *context)
{
    Trainer *t = context;
    comm_progress(t->config.comm);
    trainer_report_type(t, TRAIN_PART);
    return t->in_step || t->asked != TRAIN_STOP;
}

void trainer_report_resumed(Trainer *t)
{
    char note[512];
    TrainEvent event = trainer_event(t, TRAIN_RESUMED);
    if (t->state.epoch >= t->config.epochs) {
        snprintf(note, sizeof note,
                 "%lld step%s of %lld in %d epoch%s are done: nothing is left to train",
                 (long long)t->state.step, t->state.step == 1 ? "" : "s",
                 (long long)(t->epoch_steps * t->config.epochs), t->config.epochs,
                 t->config.epochs == 1 ? "" : "s");
        event.note = note;
    } else if (resume_sentence(&t->resume, note, sizeof note)) {
        event.note = note;
    }
    trainer_report(t, &event);
}

void trainer_report_initialized(Trainer *t)
{
    char note[512];
    TrainEvent event = trainer_event(t, TRAIN_INITIALIZED);
    transfer_sentence(&t->transfer, note, sizeof note);
    event.note = note;
    trainer_report(t, &event);
}

void trainer_report_kernels(Trainer *t)
{
    char *record = t->autotune ? autotune_record(t->autotune) : NULL;
    TrainEvent event = trainer_event(t, TRAIN_KERNELS);
    event.kernels = record;
    event.note = t->kernels_note[0] ? t->kernels_note : NULL;
    trainer_report(t, &event);
    free(record);
}
