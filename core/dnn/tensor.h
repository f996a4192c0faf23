/* core/dnn/tensor.h -- a block of numbers that oneDNN and our own loops both read.
 *
 * Values and gradients of feature maps are channels-last (oneDNN's nhwc), dense: pixel by pixel,
 * all channels of a pixel side by side. Every layer works on that layout without copies, and
 * concatenation along the channels is a copy of rows. Packed weights and workspaces have the layout
 * that the primitive chose.
 *
 * A tensor does not own its numbers unless it was made by tensor_alloc: a Net allocates most of
 * them in one arena and sets their addresses with tensor_place.
 */
#pragma once
#include "core/dnn/dnn.h"
#include "core/graph/shape.h"

typedef struct {
    Shape shape;  // of one example; zeros for packed weights and workspaces
    int batch;    // examples
    dnnl_data_type_t type;
    dnnl_memory_desc_t desc;  // owned
    dnnl_memory_t memory;     // owned; points at data
    void *data;               // NULL until placed
    size_t bytes;
    bool owns_data;
} Tensor;

/* batch x shape, channels-last, not placed. */
bool tensor_new(const Dnn *dnn, Shape shape, int batch, dnnl_data_type_t type, Tensor **tensor,
                Error *err);
/* A tensor as `desc` describes it, not placed. */
bool tensor_new_like(const Dnn *dnn, const_dnnl_memory_desc_t desc, Tensor **tensor, Error *err);
/* The same, with zeroed memory of its own. ERR_NO_MEMORY. */
bool tensor_alloc(const Dnn *dnn, const_dnnl_memory_desc_t desc, Tensor **tensor, Error *err);
void tensor_free(Tensor *t);  // takes NULL

/* Set the address of the numbers: 64-byte aligned, t->bytes long, alive as long as the tensor is
 * used.
 */
bool tensor_place(Tensor *t, void *data, Error *err);

static inline size_t tensor_count(const Tensor *t)
{
    return (size_t)t->batch * shape_count(t->shape);
}

static inline size_t tensor_pixels(const Tensor *t)
{
    return (size_t)t->batch * (size_t)t->shape.height * (size_t)t->shape.width;
}

/* dst = src in float32, numbers in the same order; src is bfloat16 of the same shape. */
void tensor_to_f32(Tensor *dst, const Tensor *src);

/* Copy float32 in plain (batch, channels, height, width) order in and out. */
void tensor_read_nchw(const Tensor *t, float *dst);
void tensor_write_nchw(Tensor *t, const float *src);
