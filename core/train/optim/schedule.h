/* core/train/optim/schedule.h -- the learning rate as a pure function of the step.
 *
 * With B the base rate, s the step, T all steps, e = s / steps of an epoch:
 *   constant     B
 *   step         B * gamma^floor(e / every_epochs)
 *   exponential  B * gamma^e
 *   polynomial   final + (B - final) * (1 - s / T)^power
 *   cosine       final + (B - final) * (1 + cos(pi s / T)) / 2
 *   one_cycle    from B / initial_div up to B, then down to B / initial_div / final_div at the last
 *                step; half a cosine each, or straight lines
 * Before any but one_cycle a linear warm-up: W = warmup_epochs in steps, from warmup_start * B up
 * to B; the schedule follows, with s - W and T - W in place of s and T.
 *
 * A schedule is one function and one row of the tables in schedule.c.
 * Source   torch.optim.lr_scheduler: StepLR; ExponentialLR, PolynomialLR and CosineAnnealingLR, but
 *          step by step; OneCycleLR; SequentialLR of LinearLR and another.
 *          Loshchilov and Hutter, "SGDR", 2017, without restarts; Smith and Topin,
 *          "Super-Convergence", 2018.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    SCHEDULE_CONSTANT,
    SCHEDULE_STEP,
    SCHEDULE_EXPONENTIAL,
    SCHEDULE_POLYNOMIAL,
    SCHEDULE_COSINE,
    SCHEDULE_ONE_CYCLE,
} ScheduleType;

typedef struct {
    ScheduleType type;
    int every_epochs;      // step; 1 or more
    double gamma;          // step, exponential; above 0
    double power;          // polynomial; above 0
    double final;          // polynomial, cosine: the rate at the end
    double peak_at;        // one_cycle: share of all steps before the peak, (0, 1)
    double initial_div;    // one_cycle; PyTorch has 25
    double final_div;      // one_cycle; PyTorch has 1e4
    bool linear;           // one_cycle
    double warmup_epochs;  // 0: none
    double warmup_start;   // share of the base rate
} Schedule;

extern const char *const SCHEDULE_NAMES[];  // by ScheduleType, NULL-terminated

/* What a step is a part of. */
typedef struct {
    int64_t epoch, total;  // steps of an epoch, and of the training
} StepCounts;

/* The rate for step `step`, from 0. Steps beyond the total have the last one's. */
double schedule_rate(const Schedule *schedule, double base_rate, int64_t step, StepCounts counts);
