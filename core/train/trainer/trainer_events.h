/* core/train/trainer/trainer_events.h -- what the trainer tells its callback, and what that
 * answers. */
#pragma once
#include "core/train/trainer/trainer_private.h"

double trainer_rate(const Trainer *t, int64_t step);
/* Whether the model as it is has been evaluated on the examples that are chosen by ... */
bool trainer_is_evaluated(const Trainer *t);
/* ... and on the test split. */
bool trainer_is_tested(const Trainer *t);
TrainEvent trainer_event(const Trainer *t, TrainEventType type);
/* Call the callback; the strongest answer since the last step counts. */
void trainer_report(Trainer *t, const TrainEvent *event);
void trainer_report_type(Trainer *t, TrainEventType type);
void trainer_report_resumed(Trainer *t);
void trainer_report_kernels(Trainer *t);
void trainer_report_initialized(Trainer *t);
/* Asked by the network between two micro-batches; the context is the Trainer. */
bool trainer_goes_on(void *context);
