/* core/evaluate/calibration.h -- whether a network is as sure as it is right, and the temperature
 * that mends it.
 *
 * Guesses are put into bins of equal width by their confidence, the p of the guess: bin b has those
 * in (b / BINS, (b + 1) / BINS]. The expected calibration error is the mean of |accuracy -
 * confidence| over the bins, weighted by their examples; an empty bin weighs nothing.
 *
 * Source   Guo et al. 2017, "On Calibration of Modern Neural Networks", equations (1) to (3) and
 *          section 4.2.
 */
#pragma once
#include "core/evaluate/predictions.h"

enum { CALIBRATION_BINS = 15 };

typedef struct {
    int64_t count;
    double confidence, accuracy;  // means; 0 in an empty bin
} CalibrationBin;

typedef struct {
    double expected_error;
    double largest_error;  // of a bin
    double loss;           // mean of -log p of the label, at that temperature
    CalibrationBin bins[CALIBRATION_BINS];
} Calibration;

/* Of softmax(logits / temperature). */
Calibration calibration_measure(const Predictions *p, double temperature);

#define TEMPERATURE_MIN 0.01
#define TEMPERATURE_MAX 100.0

/* The temperature that minimises the mean loss of these predictions, which must not be those that
 * it is judged by. The loss is convex in 1 / temperature, so it is found wherever it is within the
 * bounds, to 1e-9 of itself; where every guess is right, or none better than chance, it is a bound.
 */
double temperature_fit(const Predictions *validation);
