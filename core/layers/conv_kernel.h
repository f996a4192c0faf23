/* core/layers/conv_kernel.h -- one way to compute one direction of a convolution.
 *
 * conv.c measures those that fit a layer against the library's primitive and keeps the fastest. A
 * new one is a file, a row in conv.c's table, and nothing else.
 */
#pragma once
#include "core/layers/conv.h"
#include "core/layers/layer.h"

typedef enum {
    CONV_FORWARD,
    CONV_BACKWARD_DATA,
    CONV_BACKWARD_WEIGHTS,
    CONV_DIRECTIONS
} ConvDirection;

typedef struct ConvKernel {
    const char *name;  // in choices and in the bench; no two of one direction share one
    ConvDirection direction;
    int variant;  // the file's own
    bool (*fits)(const struct ConvKernel *k, const Layer *l);
    bool (*create)(const struct ConvKernel *k, Layer *l, void **state, Error *err);
    /* Pack the weights, unless they are packed already; `again`: also then. NULL: nothing to load.
     */
    bool (*load_params)(Layer *l, void *state, bool again, Error *err);
    /* Backward weights: add to sums of its own, from 0 again after `end`. */
    bool (*run)(Layer *l, void *state, Error *err);
    /* Backward weights only: bring the sums to the store, set or added. */
    void (*end)(Layer *l, void *state, bool accumulate);
    void (*destroy)(Layer *l, void *state);
} ConvKernel;

/* The library's primitives for all directions. l->state becomes `state_bytes` of zeros that begin
 * with a Weighted. */
bool conv_library_create(Layer *l, size_t state_bytes, Error *err);

// clang-format off
/* core/layers/conv_winograd.c: forms of core/kernels/winograd.h, for float32 and bfloat16 on AVX-512,
 * and for bfloat16 on AMX. */
extern const ConvKernel
    CONV_FORWARD_1_1, CONV_BACKWARD_DATA_1_1, CONV_BACKWARD_WEIGHTS_1_1,
    CONV_FORWARD_3_3, CONV_BACKWARD_DATA_3_3, CONV_BACKWARD_WEIGHTS_3_3,
    CONV_FORWARD_4_3, CONV_BACKWARD_DATA_4_3, CONV_BACKWARD_WEIGHTS_4_3,
    CONV_FORWARD_2_5, CONV_BACKWARD_DATA_2_5, CONV_BACKWARD_WEIGHTS_2_5,
    CONV_FORWARD_1_1_BRGEMM, CONV_BACKWARD_DATA_1_1_BRGEMM, CONV_BACKWARD_WEIGHTS_1_1_BRGEMM,
    CONV_FORWARD_3_3_BRGEMM, CONV_BACKWARD_DATA_3_3_BRGEMM, CONV_BACKWARD_WEIGHTS_3_3_BRGEMM,
    CONV_FORWARD_4_3_BRGEMM, CONV_BACKWARD_DATA_4_3_BRGEMM, CONV_BACKWARD_WEIGHTS_4_3_BRGEMM,
    CONV_FORWARD_2_5_BRGEMM, CONV_BACKWARD_DATA_2_5_BRGEMM, CONV_BACKWARD_WEIGHTS_2_5_BRGEMM;

#define CONV_WINOGRAD_KERNELS \
    &CONV_FORWARD_1_1, &CONV_BACKWARD_DATA_1_1, &CONV_BACKWARD_WEIGHTS_1_1, \
    &CONV_FORWARD_3_3, &CONV_BACKWARD_DATA_3_3, &CONV_BACKWARD_WEIGHTS_3_3, \
    &CONV_FORWARD_4_3, &CONV_BACKWARD_DATA_4_3, &CONV_BACKWARD_WEIGHTS_4_3, \
    &CONV_FORWARD_2_5, &CONV_BACKWARD_DATA_2_5, &CONV_BACKWARD_WEIGHTS_2_5, \
    &CONV_FORWARD_1_1_BRGEMM, &CONV_BACKWARD_DATA_1_1_BRGEMM, &CONV_BACKWARD_WEIGHTS_1_1_BRGEMM, \
    &CONV_FORWARD_3_3_BRGEMM, &CONV_BACKWARD_DATA_3_3_BRGEMM, &CONV_BACKWARD_WEIGHTS_3_3_BRGEMM, \
    &CONV_FORWARD_4_3_BRGEMM, &CONV_BACKWARD_DATA_4_3_BRGEMM, &CONV_BACKWARD_WEIGHTS_4_3_BRGEMM, \
    &CONV_FORWARD_2_5_BRGEMM, &CONV_BACKWARD_DATA_2_5_BRGEMM, &CONV_BACKWARD_WEIGHTS_2_5_BRGEMM

/* core/layers/conv_patches.c: core/kernels/patches.h, on the same CPUs. */
extern const ConvKernel
    CONV_FORWARD_PATCHES, CONV_BACKWARD_WEIGHTS_PATCHES,
    CONV_FORWARD_PATCHES_BRGEMM, CONV_BACKWARD_WEIGHTS_PATCHES_BRGEMM;

#define CONV_PATCHES_KERNELS \
    &CONV_FORWARD_PATCHES, &CONV_BACKWARD_WEIGHTS_PATCHES, \
    &CONV_FORWARD_PATCHES_BRGEMM, &CONV_BACKWARD_WEIGHTS_PATCHES_BRGEMM
// clang-format on
