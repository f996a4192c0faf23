/* tests/core/train/optim/test_schedule.c -- rates against those of torch.optim.lr_scheduler
 * (PyTorch 2.6), base rate 0.1, four steps an epoch. */
#include "core/train/optim/schedule.h"

#include "tests/check.h"

enum { MOST = 20 };

static const struct {
    const char *what;
    Schedule schedule;
    int total, count;
    double want[MOST];
} CASES[] = {
    {"ConstantLR", {.type = SCHEDULE_CONSTANT}, 8, 3, {0.1, 0.1, 0.1}},
    {"StepLR(8, 0.5)",
     {.type = SCHEDULE_STEP, .every_epochs = 2, .gamma = 0.5},
     20,
     20,
     {0.1,  0.1,  0.1,  0.1,  0.1,  0.1,  0.1,   0.1,   0.05,  0.05,
      0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025}},
    {"ExponentialLR(0.5 ** 0.25)",
     {.type = SCHEDULE_EXPONENTIAL, .gamma = 0.5},
     20,
     9,
     {0.1, 0.0840896415254, 0.0707106781187, 0.0594603557501, 0.05, 0.0420448207627,
      0.0353553390593, 0.0297301778751, 0.025}},
    {"PolynomialLR(8, 2)",
     {.type = SCHEDULE_POLYNOMIAL, .power = 2},
     8,
     9,
     {0.1, 0.0765625, 0.05625, 0.0390625, 0.025, 0.0140625, 0.00625, 0.0015625, 0}},
    {"PolynomialLR(8, 1)",
     {.type = SCHEDULE_POLYNOMIAL, .power = 1},
     8,
     9,
     {0.1, 0.0875, 0.075, 0.0625, 0.05, 0.0375, 0.025, 0.0125, 0}},
    {"the same, down to 0.02",
     {.type = SCHEDULE_POLYNOMIAL, .power = 1, .final = 0.02},
     8,
     9,
     {0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02}},
    {"CosineAnnealingLR(8)",
     {.type = SCHEDULE_COSINE},
     8,
     9,
     {0.1, 0.0961939766256, 0.0853553390593, 0.0691341716183, 0.05, 0.0308658283817,
      0.0146446609407, 0.00380602337444, 0}},
    {"CosineAnnealingLR(8, 0.02)",
     {.type = SCHEDULE_COSINE, .final = 0.02},
     8,
     9,
     {0.1, 0.0969551813005, 0.0882842712475, 0.0753073372946, 0.06, 0.0446926627054,
      0.0317157287525, 0.0230448186995, 0.02}},
    {"OneCycleLR(0.1, 10)",
     {.type = SCHEDULE_ONE_CYCLE, .peak_at = 0.3, .initial_div = 25, .final_div = 1e4},
     10,
     10,
     {0.004, 0.052, 0.1, 0.0950484632013, 0.081174565395, 0.0611262021936, 0.0388741978064,
      0.018825834605, 0.00495193679865, 4e-07}},
    {"OneCycleLR(0.1, 7, pct_start=0.4)",
     {.type = SCHEDULE_ONE_CYCLE, .peak_at = 0.4, .initial_div = 25, .final_div = 1e4},
     7,
     7,
     {0.004, 0.060335112528, 0.0994415435451, 0.081174565395, 0.0462637102667, 0.0133477530189,
      4e-07}},
    {"OneCycleLR(0.1, 10, 'linear', pct_start=0.5, div_factor=10, final_div_factor=100)",
     {.type = SCHEDULE_ONE_CYCLE,
      .peak_at = 0.5,
      .initial_div = 10,
      .final_div = 100,
      .linear = true},
     10,
     10,
     {0.01, 0.0325, 0.055, 0.0775, 0.1, 0.08002, 0.06004, 0.04006, 0.02008, 0.0001}},
    {"SequentialLR([LinearLR(0.1, 1, 4), CosineAnnealingLR(8)], [4])",
     {.type = SCHEDULE_COSINE, .warmup_epochs = 1, .warmup_start = 0.1},
     12,
     12,
     {0.01, 0.0325, 0.055, 0.0775, 0.1, 0.0961939766256, 0.0853553390593, 0.0691341716183, 0.05,
      0.0308658283817, 0.0146446609407, 0.00380602337444}},
    {"SequentialLR([LinearLR(0.01, 1, 3), StepLR(4, 0.1)], [3])",
     {.type = SCHEDULE_STEP,
      .every_epochs = 1,
      .gamma = 0.1,
      .warmup_epochs = 0.75,
      .warmup_start = 0.01},
     12,
     12,
     {0.001, 0.034, 0.067, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001}},
};

static void rates_equal_pytorchs(void **state)
{
    (void)state;
    bool seen[SCHEDULE_ONE_CYCLE + 1] = {false};
    for (size_t c = 0; c < COUNT(CASES); c++) {
        seen[CASES[c].schedule.type] = true;
        for (int s = 0; s < CASES[c].count; s++) {
            const StepCounts counts = {.epoch = 4, .total = CASES[c].total};
            const double got = schedule_rate(&CASES[c].schedule, 0.1, s, counts);
            if (fabs(got - CASES[c].want[s]) > 1e-12)
                fail_msg("%s at step %d: %.13g, not %.13g", CASES[c].what, s, got,
                         CASES[c].want[s]);
        }
    }
    for (size_t type = 0; type < COUNT(seen); type++)
        assert_true(seen[type]);
    assert_null(SCHEDULE_NAMES[COUNT(seen)]);
}

/* Whatever the lengths, a rate is a number from 0 to the base rate, also beyond the end. */
static void short_trainings_have_rates(void **state)
{
    (void)state;
    for (int type = 0; SCHEDULE_NAMES[type]; type++) {
        const Schedule s = {.type = (ScheduleType)type,
                            .every_epochs = 1,
                            .gamma = 0.5,
                            .power = 0.5,
                            .peak_at = 0.25,
                            .initial_div = 25,
                            .final_div = 1e4};
        for (int64_t total = 1; total < 12; total++) {
            for (int64_t step = 0; step < 2 * total; step++) {
                const double rate =
                    schedule_rate(&s, 0.1, step, (StepCounts){.epoch = 1, .total = total});
                assert_true(rate >= 0 && rate <= 0.1);
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_equal_pytorchs),
        cmocka_unit_test(short_trainings_have_rates),
    };
    return RUN_TESTS(tests);
}
