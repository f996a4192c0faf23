#include "core/dnn/tensor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/simd.h"
#include "core/base/threads/chunks.h"

/* Alignment that vector loads and matrix tiles like: one cache line. */
enum { TENSOR_ALIGN = 64 };

static bool finish(const Dnn *dnn, Tensor *t, Tensor **result, Error *err)
{
    t->bytes = dnnl_memory_desc_get_size(t->desc);
    if (!dnn_try(dnnl_memory_create(&t->memory, t->desc, dnn->engine, DNNL_MEMORY_NONE),
                 "create a memory object", err)) {
        tensor_free(t);
        return false;
    }
    *result = t;
    return true;
}

bool tensor_new(const Dnn *dnn, Shape shape, int batch, dnnl_data_type_t type, Tensor **tensor,
                Error *err)
{
    return tensor_new_strided(dnn, shape, shape.channels, batch, type, tensor, err);
}

bool tensor_new_strided(const Dnn *dnn, Shape shape, int pixel_stride, int batch,
                        dnnl_data_type_t type, Tensor **tensor, Error *err)
{
    const dnnl_dims_t dims = {batch, shape.channels, shape.height, shape.width};
    const dnnl_dim_t pixel = pixel_stride, row = shape.width * pixel;
    const dnnl_dims_t strides = {shape.height * row, 1, row, pixel};
    Tensor *t = xcalloc(1, sizeof *t);
    *t = (Tensor){.shape = shape, .batch = batch, .pixel_stride = pixel_stride, .type = type};
    const dnnl_status_t status =
        tensor_is_dense(t) ? dnnl_memory_desc_create_with_tag(&t->desc, 4, dims, type, dnnl_nhwc)
                           : dnnl_memory_desc_create_with_strides(&t->desc, 4, dims, type, strides);
    if (!dnn_try(status, "describe a tensor", err)) {
        tensor_free(t);
        return false;
    }
    return finish(dnn, t, tensor, err);
}

bool tensor_new_like(const Dnn *dnn, const_dnnl_memory_desc_t desc, Tensor **tensor, Error *err)
{
    Tensor *t = xcalloc(1, sizeof *t);
    if (!dnn_try(dnnl_memory_desc_clone(&t->desc, desc), "copy a memory descriptor", err)) {
        tensor_free(t);
        return false;
    }
    dnnl_memory_desc_query(t->desc, dnnl_query_data_type, &t->type);
    return finish(dnn, t, tensor, err);
}

bool tensor_alloc(const Dnn *dnn, const_dnnl_memory_desc_t desc, Tensor **tensor, Error *err)
{
    Tensor *t = NULL;
    if (!tensor_new_like(dnn, desc, &t, err))
        return false;
    const size_t rounded = (t->bytes + TENSOR_ALIGN - 1) / TENSOR_ALIGN * TENSOR_ALIGN;
    void *data = aligned_alloc(TENSOR_ALIGN, rounded ? rounded : TENSOR_ALIGN);
    if (!data) {
        fail(err, ERR_NO_MEMORY, "no memory for a tensor of %zu bytes", t->bytes);
        tensor_free(t);
        return false;
    }
    memset(data, 0, rounded);
    t->owns_data = true;
    if (!tensor_place(t, data, err)) {
        free(data);
        t->owns_data = false;
        tensor_free(t);
        return false;
    }
    *tensor = t;
    return true;
}

void tensor_free(Tensor *t)
{
    if (!t)
        return;
    if (t->memory)
        dnnl_memory_destroy(t->memory);
    if (t->desc)
        dnnl_memory_desc_destroy(t->desc);
    if (t->owns_data)
        free(t->data);
    free(t);
}

bool tensor_place(Tensor *t, void *data, Error *err)
{
    t->data = data;
    return dnn_try(dnnl_memory_set_data_handle(t->memory, data), "place a tensor", err);
}

void tensor_read_nchw(const Tensor *t, float *dst)
{
    const size_t channels = (size_t)t->shape.channels;
    const size_t pixels = (size_t)t->shape.height * (size_t)t->shape.width;
    for (size_t n = 0; n < (size_t)t->batch; n++) {
        for (size_t p = 0; p < pixels; p++) {
            for (size_t c = 0; c < channels; c++) {
                const size_t from = (n * pixels + p) * (size_t)t->pixel_stride + c;
                dst[(n * channels + c) * pixels + p] =
                    t->type == dnnl_f32 ? ((const float *)t->data)[from]
                                        : bf16_to_float(((const uint16_t *)t->data)[from]);
            }
        }
    }
}

SIMD_CLONES static void to_bf16(uint16_t *restrict dst, const float *restrict src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = float_to_bf16(src[i]);
}

void tensor_to_f32(Tensor *dst, const Tensor *src)
{
    const size_t count = tensor_count(src);
    for (size_t i = 0; i < count; i++)
        ((float *)dst->data)[i] = bf16_to_float(((const uint16_t *)src->data)[i]);
}

/* Where plain order is channels-last, dense. */
static void write_in_order(Tensor *t, const float *src)
{
    const size_t count = tensor_count(t), chunks = chunk_count(count);
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, size = chunk_size(count, c);
        if (t->type == dnnl_f32)
            memcpy((float *)t->data + at, src + at, size * sizeof *src);
        else
            to_bf16((uint16_t *)t->data + at, src + at, size);
    }
}

void tensor_write_nchw(Tensor *t, const float *src)
{
    const size_t channels = (size_t)t->shape.channels;
    const size_t pixels = (size_t)t->shape.height * (size_t)t->shape.width;
    if (tensor_is_dense(t) && (channels == 1 || pixels == 1)) {
        write_in_order(t, src);
        return;
    }
#pragma omp parallel for
    for (size_t n = 0; n < (size_t)t->batch; n++) {
        for (size_t p = 0; p < pixels; p++) {
            for (size_t c = 0; c < channels; c++) {
                const float x = src[(n * channels + c) * pixels + p];
                const size_t to = (n * pixels + p) * (size_t)t->pixel_stride + c;
                if (t->type == dnnl_f32)
                    ((float *)t->data)[to] = x;
                else
                    ((uint16_t *)t->data)[to] = float_to_bf16(x);
            }
        }
    }
}
