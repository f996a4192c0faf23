#include "core/data/class_weights.h"

#include <stdlib.h>

#include "core/base/memory.h"

const char *const CLASS_WEIGHTS_NAMES[] = {"none", "balanced", NULL};

double *class_weights_new(ClassWeights type, const Split *split, const int32_t *examples, int count,
                          int classes)
{
    if (type == CLASS_WEIGHTS_NONE)
        return NULL;
    double *weights = xcalloc((size_t)classes, sizeof *weights);
    int64_t *counts = xcalloc((size_t)classes, sizeof *counts);
    split_count_classes(split, examples, count, classes, counts);
    int used = 0;
    for (int c = 0; c < classes; c++)
        used += counts[c] > 0;
    for (int c = 0; c < classes; c++)
        if (counts[c] > 0)
            weights[c] = (double)count / ((double)used * (double)counts[c]);
    free(counts);
    return weights;
}
