/* core/train/precision.h -- the data type of feature maps and their gradients. */
#pragma once
#include <stdbool.h>

typedef enum {
    PRECISION_AUTO,  // the fastest that the CPU has instructions for
    PRECISION_F32,
    PRECISION_BF16,  // bfloat16 between layers; weights, sums and loss stay float32
} Precision;

extern const char *const PRECISION_NAMES[];  // by Precision, NULL-terminated
bool precision_from_name(const char *name, Precision *precision);

/* What AUTO means on this CPU; the others are returned as they are. */
Precision precision_resolve(Precision precision);
