/* core/data/class_weights.h -- what an example of each class counts for in the loss.
 *
 *   balanced   weight[c] = n / (K * n[c])     n examples, n[c] of them in class c;
 *                                             K classes have examples
 *
 * so that every class counts as much as any other in all. A class without an example has the weight
 * 0: the smoothing of labels, where it would count alone, leaves it out.
 *
 * Source   sklearn.utils.class_weight.compute_class_weight("balanced").
 */
#pragma once
#include "core/data/dataset.h"

typedef enum { CLASS_WEIGHTS_NONE, CLASS_WEIGHTS_BALANCED } ClassWeights;
extern const char *const CLASS_WEIGHTS_NAMES[];  // by ClassWeights, NULL-terminated

/* (classes), over `count` listed examples of a split; from malloc. NULL for CLASS_WEIGHTS_NONE. */
double *class_weights_new(ClassWeights type, const Split *split, const int32_t *examples, int count,
                          int classes);
