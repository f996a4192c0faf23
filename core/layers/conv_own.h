/* core/layers/conv_own.h -- what a layer keeps for a convolution by a kernel of our own, of
 * whatever kind: packed weights for forward and backward data, sums for backward weights.
 *
 * Errors   ERR_NO_MEMORY.
 */
#pragma once
#include "core/kernels/brgemm.h"
#include "core/layers/conv_kernel.h"
#include "core/layers/conv_sums.h"
#include "core/layers/weighted.h"

/* A kind's state begins with it. */
typedef struct {
    Brgemms *brgemms;  // what the kernel borrows, or NULL
    SharedPack *pack;  // forward and backward data
    ConvSums sums;     // backward weights
} ConvOwn;

/* For kernel `k`: room for packed weights, and working memory. */
bool conv_own_pass(ConvOwn *o, const ConvKernel *k, Layer *l, size_t pack_bytes,
                   size_t scratch_bytes, Error *err);

/* Room for so many sums, and working memory. */
bool conv_own_grad(ConvOwn *o, Layer *l, size_t sums, size_t scratch_bytes, Error *err);

/* Whether the weights are to be packed: they have changed, or `again`. From then on they count as
 * packed. */
bool conv_own_must_pack(const ConvOwn *o, const Layer *l, bool again);

/* ConvKernel.destroy, of all kinds. */
void conv_own_destroy(Layer *l, void *state);

/* Rows for a file that has the functions named here, one for each variant. */
#define CONV_OWN_PASS(ID, DIRECTION, VARIANT, NAME, RUN)                                           \
    const ConvKernel ID = {.name = NAME,                                                           \
                           .direction = DIRECTION,                                                 \
                           .variant = VARIANT,                                                     \
                           .fits = fits,                                                           \
                           .create = pass_create,                                                  \
                           .load_params = pass_load_params,                                        \
                           .run = RUN,                                                             \
                           .destroy = conv_own_destroy};
#define CONV_OWN_GRAD(ID, VARIANT, NAME)                                                           \
    const ConvKernel ID = {.name = NAME,                                                           \
                           .direction = CONV_BACKWARD_WEIGHTS,                                     \
                           .variant = VARIANT,                                                     \
                           .fits = fits,                                                           \
                           .create = grad_create,                                                  \
                           .run = grad_run,                                                        \
                           .end = grad_end,                                                        \
                           .destroy = conv_own_destroy};
