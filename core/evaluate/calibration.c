#include "core/evaluate/calibration.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"

Calibration calibration_measure(const Predictions *p, double temperature)
{
    Calibration c = {0};
    for (int n = 0; n < p->count; n++) {
        const Prediction r = prediction_read(p, n, temperature);
        const int last = (int)ceil(r.confidence * CALIBRATION_BINS) - 1;
        CalibrationBin *bin = &c.bins[last < 0                  ? 0
                                      : last < CALIBRATION_BINS ? last
                                                                : CALIBRATION_BINS - 1];
        bin->count++;
        bin->confidence += r.confidence;
        bin->accuracy += r.guess == p->labels[n];
        c.loss += r.loss;
    }
    c.loss /= p->count > 0 ? p->count : 1;
    for (int b = 0; b < CALIBRATION_BINS; b++) {
        CalibrationBin *bin = &c.bins[b];
        if (bin->count == 0)
            continue;
        bin->confidence /= (double)bin->count;
        bin->accuracy /= (double)bin->count;
        const double error = fabs(bin->accuracy - bin->confidence);
        c.expected_error += error * (double)bin->count / p->count;
        c.largest_error = error > c.largest_error ? error : c.largest_error;
    }
    return c;
}

/* ---- The temperature ---- */

/* The loss's derivatives in the inverse temperature, of one example or of the mean over all: with
 * p = softmax(inverse * z), the first is E[z] - z[label], the second the variance of z under p. */
typedef struct {
    double first, second;
} Slope;

static Slope slope_of(const Predictions *p, int example, double inverse)
{
    const float *z = prediction_logits(p, example);
    double largest = z[0];
    for (int k = 1; k < p->classes; k++)
        largest = z[k] > largest ? z[k] : largest;
    double total = 0, sum = 0, squares = 0;  // of z below the largest
    for (int k = 0; k < p->classes; k++) {
        const double below = z[k] - largest, weight = exp(inverse * below);
        total += weight;
        sum += weight * below;
        squares += weight * below * below;
    }
    const double mean = sum / total;
    return (Slope){mean + largest - z[p->labels[example]], squares / total - mean * mean};
}

/* Added up in the order of the examples, whoever computed them. */
static Slope mean_slope(const Predictions *p, double inverse, Slope *each)
{
    Slope mean = {0};
#pragma omp parallel for schedule(static)
    for (int n = 0; n < p->count; n++)
        each[n] = slope_of(p, n, inverse);
    for (int n = 0; n < p->count; n++) {
        mean.first += each[n].first;
        mean.second += each[n].second;
    }
    mean.first /= p->count;
    mean.second /= p->count;
    return mean;
}

/* The root of the first derivative, which never falls, between bounds that close in on it: Newton's
 * step where it stays between them, else their geometric mean. */
static double find_root(const Predictions *p, double low, double high, Slope *each)
{
    enum { STEPS = 200 };
    double at = 1;
    for (int i = 0; i < STEPS && high > low * (1 + 1e-10); i++) {
        const Slope s = mean_slope(p, at, each);
        *(s.first < 0 ? &low : &high) = at;
        double next = s.second > 0 ? at - s.first / s.second : 0;
        if (!(next > low && next < high))
            next = sqrt(low * high);
        if (fabs(next - at) <= 1e-10 * at)
            return next;
        at = next;
    }
    return at;
}

double temperature_fit(const Predictions *validation)
{
    const double low = 1 / TEMPERATURE_MAX, high = 1 / TEMPERATURE_MIN;
    Slope *each = xcalloc((size_t)validation->count + 1, sizeof *each);
    double inverse;
    if (validation->count == 0)
        inverse = 1;
    else if (mean_slope(validation, high, each).first <= 0)
        inverse = high;
    else if (mean_slope(validation, low, each).first >= 0)
        inverse = low;
    else
        inverse = find_root(validation, low, high, each);
    free(each);
    return 1 / inverse;
}
