#include "core/evaluate/mistakes.h"

#include <stdlib.h>

#include "core/base/memory.h"

static int by_loss(const void *a, const void *b)
{
    const Mistake *x = a, *y = b;
    return x->loss != y->loss ? (x->loss < y->loss) - (x->loss > y->loss)
                              : (x->example > y->example) - (x->example < y->example);
}

int mistakes_worst(const Predictions *p, Mistake *worst, int most)
{
    Mistake *all = xcalloc((size_t)p->count + 1, sizeof *all);
    int count = 0;
    for (int n = 0; n < p->count; n++) {
        const Prediction r = prediction_read(p, n, 1);
        if (r.guess != p->labels[n])
            all[count++] = (Mistake){.example = n,
                                     .truth = p->labels[n],
                                     .guess = r.guess,
                                     .loss = r.loss,
                                     .confidence = r.confidence,
                                     .truth_share = r.truth};
    }
    qsort(all, (size_t)count, sizeof *all, by_loss);
    count = count < most ? count : most;
    for (int i = 0; i < count; i++)
        worst[i] = all[i];
    free(all);
    return count;
}
