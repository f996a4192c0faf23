#include "core/data/augment/draws.h"

#include <math.h>

#include "core/base/invariant.h"

Draws draws_new(const DrawKey *key, const char *use)
{
    return (Draws){.key = philox_key(key->seed, use),
                   .counter = {{0, (uint32_t)key->index, 0, (uint32_t)key->epoch}}};
}

static uint32_t next(Draws *d)
{
    enum { WORDS = 4 };
    if (d->left == 0) {
        d->block = philox(d->key, d->counter);
        d->counter.x[0]++;
        d->left = WORDS;
    }
    return d->block.x[WORDS - d->left--];
}

double draw_uniform(Draws *d)
{
    return next(d) * 0x1p-32;
}

/* Between the ends, so that it has a logarithm. */
static double draw_open(Draws *d)
{
    return (next(d) + 0.5) * 0x1p-32;
}

double draw_between(Draws *d, const double range[2])
{
    return range[0] + (range[1] - range[0]) * draw_uniform(d);
}

int draw_below(Draws *d, int bound)
{
    INVARIANT(bound >= 1);
    return (int)(((uint64_t)next(d) * (uint64_t)bound) >> 32);
}

/* Mean 0, variance 1: Box-Muller, one value of the two. */
static double draw_normal(Draws *d)
{
    const double u = draw_open(d), v = draw_uniform(d);
    return sqrt(-2.0 * log(u)) * cos(2.0 * acos(-1.0) * v);
}

/* Gamma(shape, 1) for a shape of 1 or more: Marsaglia and Tsang 2000. */
static double draw_gamma(Draws *d, double shape)
{
    const double a = shape - 1.0 / 3, c = 1 / sqrt(9 * a);
    for (;;) {
        const double x = draw_normal(d), t = 1 + c * x;
        const double v = t * t * t;
        if (v > 0 && log(draw_open(d)) < 0.5 * x * x + a - a * v + a * log(v))
            return a * v;
    }
}

double draw_beta(Draws *d, double alpha)
{
    INVARIANT(alpha > 0);
    if (alpha > 1) {
        const double x = draw_gamma(d, alpha), y = draw_gamma(d, alpha);
        return x / (x + y);
    }
    // Joehnk 1964, in logarithms: for a small alpha both powers may be too small for a double.
    for (;;) {
        const double x = log(draw_open(d)) / alpha, y = log(draw_open(d)) / alpha;
        const double most = x > y ? x : y;
        const double log_sum = most + log(exp(x - most) + exp(y - most));
        if (log_sum <= 0)
            return exp(x - log_sum);
    }
}
