/* core/dnn/packed.h -- a parameter in the layout of a primitive, and its gradient back in the
 * store's.
 *
 * The store keeps float32 numbers in plain layout; oneDNN's fast kernels want blocked layouts and
 * perhaps another type. A Packed copies store -> primitive, a PackedGrad primitive -> store.
 */
#pragma once
#include "core/dnn/tensor.h"

typedef struct {
    Tensor *packed;       // what the primitive reads
    dnnl_memory_t plain;  // the numbers in the store
    Op pack;
} Packed;

/* Where the numbers are and how they are wanted. */
typedef struct {
    const float *numbers;             // the parameter in the store
    const_dnnl_memory_desc_t plain;   // describes it there: float32
    const_dnnl_memory_desc_t wanted;  // the primitive's layout
    void *memory;                     // for the copy, 64-byte aligned; NULL: memory of its own
} PackedSpec;

bool packed_new(Packed *p, const Dnn *dnn, PackedSpec spec, Error *err);
bool packed_load(const Packed *p, Error *err);
void packed_free(Packed *p);

typedef struct {
    Tensor *packed;       // what the primitive writes
    dnnl_memory_t plain;  // the gradient in the store
    Op set;
    Op add;
} PackedGrad;

bool packed_grad_new(PackedGrad *p, const Dnn *dnn, float *numbers, const_dnnl_memory_desc_t plain,
                     const_dnnl_memory_desc_t given, Error *err);
/* Write the packed gradient to the store: replace what is there, or add to it. */
bool packed_grad_store(const PackedGrad *p, bool accumulate, Error *err);
void packed_grad_free(PackedGrad *p);
