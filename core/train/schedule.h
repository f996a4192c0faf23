/* core/train/schedule.h -- the learning rate as a pure function of the step. */
#pragma once
#include <stdint.h>

typedef enum {
    SCHEDULE_CONSTANT,
} ScheduleType;

typedef struct {
    ScheduleType type;
} Schedule;

extern const char *const SCHEDULE_NAMES[];  // by ScheduleType, NULL-terminated

/* The rate for step `step` (from 0) of `total_steps`. */
double schedule_rate(const Schedule *schedule, double base_rate, int64_t step, int64_t total_steps);
