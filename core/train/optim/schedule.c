#include "core/train/optim/schedule.h"

#include <math.h>
#include <stddef.h>

/* Where a step stands in the schedule proper, after the warm-up. */
typedef struct {
    double step, total;  // steps
    double epoch;        // epochs done, a real number
} Place;

static double constant(const Schedule *s, double base, Place at)
{
    (void)s, (void)at;
    return base;
}

static double step_down(const Schedule *s, double base, Place at)
{
    return base * pow(s->gamma, floor(at.epoch / s->every_epochs));
}

static double exponential(const Schedule *s, double base, Place at)
{
    return base * pow(s->gamma, at.epoch);
}

static double polynomial(const Schedule *s, double base, Place at)
{
    return s->final + (base - s->final) * pow(1 - at.step / at.total, s->power);
}

static double cosine(const Schedule *s, double base, Place at)
{
    return s->final + (base - s->final) * (1 + cos(M_PI * at.step / at.total)) / 2;
}

/* OneCycleLR counts its two phases between steps, so that the last step has the last rate. */
static double one_cycle(const Schedule *s, double base, Place at)
{
    const double peak = s->peak_at * at.total - 1, last = at.total - 1;
    const double start = base / s->initial_div;
    const bool rises = at.step < peak;
    const double from = rises ? start : base;
    const double to = rises ? base : start / s->final_div;
    const double x = rises ? at.step / peak : last > peak ? (at.step - peak) / (last - peak) : 1;
    const double left = s->linear ? 1 - x : (1 + cos(M_PI * x)) / 2;
    return from * left + to * (1 - left);
}

static double (*const RATES[])(const Schedule *, double base, Place) = {
    [SCHEDULE_CONSTANT] = constant,       [SCHEDULE_STEP] = step_down,
    [SCHEDULE_EXPONENTIAL] = exponential, [SCHEDULE_POLYNOMIAL] = polynomial,
    [SCHEDULE_COSINE] = cosine,           [SCHEDULE_ONE_CYCLE] = one_cycle,
};

const char *const SCHEDULE_NAMES[] = {
    [SCHEDULE_CONSTANT] = "constant",
    [SCHEDULE_STEP] = "step",
    [SCHEDULE_EXPONENTIAL] = "exponential",
    [SCHEDULE_POLYNOMIAL] = "polynomial",
    [SCHEDULE_COSINE] = "cosine",
    [SCHEDULE_ONE_CYCLE] = "one_cycle",
    NULL,
};

double schedule_rate(const Schedule *s, double base, int64_t step, StepCounts counts)
{
    const int64_t warmup = llround(s->warmup_epochs * (double)counts.epoch);
    if (step < warmup)
        return base * (s->warmup_start + (1 - s->warmup_start) * (double)step / (double)warmup);
    const int64_t done = step - warmup;
    const int64_t total = counts.total > warmup ? counts.total - warmup : 1;
    const Place at = {.step = (double)(done < total ? done : total),
                      .total = (double)total,
                      .epoch = (double)done / (double)counts.epoch};
    return RATES[s->type](s, base, at);
}
