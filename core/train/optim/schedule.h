/* core/train/optim/schedule.h -- the learning rate as a pure function of the step.
 *
 * Source   the cosine: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm
 *          Restarts", 2017, without restarts; torch.optim.lr_scheduler.CosineAnnealingLR by step.
 */
#pragma once
#include <stdint.h>

typedef enum {
    SCHEDULE_CONSTANT,
    SCHEDULE_COSINE,  // from the base rate down to 0 over half a cosine
} ScheduleType;

typedef struct {
    ScheduleType type;
} Schedule;

extern const char *const SCHEDULE_NAMES[];  // by ScheduleType, NULL-terminated

/* The rate for step `step` (from 0) of `total_steps`. */
double schedule_rate(const Schedule *schedule, double base_rate, int64_t step, int64_t total_steps);
