/* core/evaluate/mistakes.h -- the examples that a network gets most wrong. */
#pragma once
#include "core/evaluate/predictions.h"

typedef struct {
    int example;  // index in the predictions
    int truth, guess;
    double loss;
    double confidence;   // p of the guess
    double truth_share;  // p of the truth
} Mistake;

/* Wrong guesses by falling loss, equal ones in the order of the examples, at most `most` of them.
 * Returns how many. */
int mistakes_worst(const Predictions *p, Mistake *worst, int most);
