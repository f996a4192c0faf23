/* core/dnn/tensor.h -- a block of numbers that oneDNN and our own loops both read.
 *
 * Values and gradients of feature maps are channels-last (oneDNN's nhwc): pixel by pixel, all
 * channels of a pixel side by side. Every layer works on that layout without copies. A tensor whose
 * pixels lie further apart than its channels take is a view: some channels of a wider tensor, whose
 * memory it shares. Our own kernels take views; oneDNN's convolutions would, a thousand times
 * slower, so they never get one. Only layers that ask for views get them (LayerOps). Packed weights
 * and workspaces have the layout that the primitive chose.
 *
 * A tensor does not own its numbers unless it was made by tensor_alloc: a Net allocates most of
 * them in one arena and sets their addresses with tensor_place.
 */
#pragma once
#include "core/dnn/dnn.h"
#include "core/graph/shape.h"

typedef struct {
    Shape shape;       // of one example; zeros for packed weights and workspaces
    int batch;         // examples
    int pixel_stride;  // numbers from one pixel to the next; its channels where it is dense
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
/* The same, with pixels so many numbers apart. */
bool tensor_new_strided(const Dnn *dnn, Shape shape, int pixel_stride, int batch,
                        dnnl_data_type_t type, Tensor **tensor, Error *err);
/* A tensor as `desc` describes it, not placed. */
bool tensor_new_like(const Dnn *dnn, const_dnnl_memory_desc_t desc, Tensor **tensor, Error *err);
/* The same, with zeroed memory of its own. ERR_NO_MEMORY. */
bool tensor_alloc(const Dnn *dnn, const_dnnl_memory_desc_t desc, Tensor **tensor, Error *err);
void tensor_free(Tensor *t);  // takes NULL

/* Set the address of the numbers: 64-byte aligned unless it is a view, t->bytes long, alive as long
 * as the tensor is used.
 */
bool tensor_place(Tensor *t, void *data, Error *err);

static inline bool tensor_is_dense(const Tensor *t)
{
    return t->pixel_stride == t->shape.channels;
}

/* What ConvProblem and its like want to know: 0 where it is dense. */
static inline int tensor_stride_key(const Tensor *t)
{
    return tensor_is_dense(t) ? 0 : t->pixel_stride;
}

/* Bytes of a number. oneDNN's dnnl_data_type_size() is a call into its library, which what asks for
 * each pixel cannot afford. */
static inline size_t tensor_number_bytes(dnnl_data_type_t type)
{
    return type == dnnl_f32 ? sizeof(float) : type == dnnl_bf16 ? 2 : dnnl_data_type_size(type);
}

/* The first channel of a pixel. */
static inline void *tensor_pixel(const Tensor *t, size_t pixel)
{
    return (char *)t->data + pixel * (size_t)t->pixel_stride * tensor_number_bytes(t->type);
}

static inline size_t tensor_count(const Tensor *t)
{
    return (size_t)t->batch * shape_count(t->shape);
}

static inline size_t tensor_pixels(const Tensor *t)
{
    return (size_t)t->batch * (size_t)t->shape.height * (size_t)t->shape.width;
}

/* dst = src in float32, numbers in the same order; src: bfloat16 of the same shape, both dense. */
void tensor_to_f32(Tensor *dst, const Tensor *src);

/* Copy float32 in plain (batch, channels, height, width) order in and out. */
void tensor_read_nchw(const Tensor *t, float *dst);
void tensor_write_nchw(Tensor *t, const float *src);
