#include "core/train/schedule.h"

#include <stddef.h>

const char *const SCHEDULE_NAMES[] = {[SCHEDULE_CONSTANT] = "constant", NULL};

double schedule_rate(const Schedule *schedule, double base_rate, int64_t step, int64_t total_steps)
{
    (void)step, (void)total_steps;
    switch (schedule->type) {
    case SCHEDULE_CONSTANT:
        return base_rate;
    }
    return base_rate;
}
