#include "core/evaluate/predictions.h"

#include <math.h>
#include <stdlib.h>

bool predictions_new(int count, int classes, Predictions *p, Error *err)
{
    *p = (Predictions){.count = count, .classes = classes};
    p->logits = calloc((size_t)count * (size_t)classes, sizeof *p->logits);
    p->labels = calloc((size_t)count, sizeof *p->labels);
    if (p->logits && p->labels)
        return true;
    predictions_free(p);
    return fail(err, ERR_NO_MEMORY, "no memory for the logits of %d examples and %d classes", count,
                classes);
}

void predictions_free(Predictions *p)
{
    free(p->logits);
    free(p->labels);
    *p = (Predictions){0};
}

bool predictions_check(const Predictions *p, Error *err)
{
    for (int n = 0; n < p->count; n++) {
        const float *logits = prediction_logits(p, n);
        for (int k = 0; k < p->classes; k++)
            if (!isfinite(logits[k]))
                return fail(err, ERR_NUMERIC, "the network gives %s for example %d, class %d",
                            isnan(logits[k]) ? "NaN" : "infinity", n, k);
    }
    return true;
}

Prediction prediction_read(const Predictions *p, int example, double temperature)
{
    const float *logits = prediction_logits(p, example);
    int guess = 0;
    for (int k = 1; k < p->classes; k++)
        guess = logits[k] > logits[guess] ? k : guess;
    double total = 0;
    for (int k = 0; k < p->classes; k++)
        total += exp(((double)logits[k] - (double)logits[guess]) / temperature);
    const double behind =
        ((double)logits[guess] - (double)logits[p->labels[example]]) / temperature;
    return (Prediction){.guess = guess,
                        .confidence = 1 / total,
                        .truth = exp(-behind) / total,
                        .loss = log(total) + behind};
}
