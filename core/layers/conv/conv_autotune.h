/* core/layers/conv/conv_autotune.h -- the kernel for a convolution's problem: recorded, remembered,
 * or measured on the spot.
 *
 * A measurement works on tensors, parameters and gradients of its own, so it can be made before the
 * program has memory, changes nothing, and is the same for every layer with that problem. A
 * candidate that cannot be created or run drops out, and so does one that computes wrongly
 * (conv_check.h).
 *
 * Errors   ERR_STOPPED: go_on said no. Otherwise only when no candidate is left: the last one's.
 */
#pragma once
#include "core/autotune/autotune.h"
#include "core/layers/conv/conv_kernel.h"

typedef struct {
    const ConvKernelTable *table;
    Autotune *autotune;
    const Dnn *dnn;
    bool (*go_on)(void *);  // asked while measuring; NULL: always
    void *go_on_context;
} ConvAutotune;

/* The kernel to use for `p`, from now on. NULL on failure. */
const ConvKernel *conv_autotune(const ConvAutotune *a, const ConvProblem *p, Error *err);
