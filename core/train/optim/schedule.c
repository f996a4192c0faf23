#include "core/train/optim/schedule.h"

#include <math.h>
#include <stddef.h>

const char *const SCHEDULE_NAMES[] = {
    [SCHEDULE_CONSTANT] = "constant", [SCHEDULE_COSINE] = "cosine", NULL};

double schedule_rate(const Schedule *schedule, double base_rate, int64_t step, int64_t total_steps)
{
    switch (schedule->type) {
    case SCHEDULE_CONSTANT:
        return base_rate;
    case SCHEDULE_COSINE:
        return base_rate * (1 + cos(M_PI * (double)step / (double)total_steps)) / 2;
    }
    return base_rate;
}
