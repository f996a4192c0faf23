/* core/train/precision.h -- the data type of feature maps and their gradients. */
#pragma once

typedef enum {
    PRECISION_AUTO,  // the fastest that the CPU has instructions for
    PRECISION_F32,
    PRECISION_BF16,  // bfloat16 between layers; weights, sums and loss stay float32
} Precision;

extern const char *const PRECISION_NAMES[];  // by Precision, NULL-terminated

/* What AUTO means on this CPU; the others are returned as they are. */
Precision precision_resolve(Precision precision);
