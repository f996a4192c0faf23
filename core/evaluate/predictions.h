/* core/evaluate/predictions.h -- what a network says of labelled examples, and how to read it.
 *
 *   p = softmax(logits[n])     guess[n] = the class with the largest logit, of equal ones the first
 *
 * Errors   ERR_NO_MEMORY. ERR_NUMERIC: a logit is NaN or infinite, and no figure means anything.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

typedef struct {
    int count, classes;
    float *logits;    // (count, classes)
    int32_t *labels;  // (count), 0 <= label < classes
} Predictions;

/* Room for so many, zeroed; predictions_free. */
bool predictions_new(int count, int classes, Predictions *p, Error *err);
void predictions_free(Predictions *p);  // takes {0}

bool predictions_check(const Predictions *p, Error *err);

static inline const float *prediction_logits(const Predictions *p, int example)
{
    return p->logits + (size_t)example * (size_t)p->classes;
}

/* One example as its softmax at a temperature sees it. */
typedef struct {
    int guess;
    double confidence;  // p of the guess
    double truth;       // p of the label
    double loss;        // -log p of the label
} Prediction;

/* p = softmax(logits / temperature), temperature above 0. */
Prediction prediction_read(const Predictions *p, int example, double temperature);
