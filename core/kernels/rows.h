/* core/kernels/rows.h -- feature maps as rows of numbers that lie side by side, for a team of
 * threads to go through: chunks where all maps are dense, else pixels.
 *
 * Shapes   the maps have one shape, and any distance between pixels.
 */
#pragma once
#include "core/base/threads/chunks.h"
#include "core/dnn/tensor.h"

typedef struct {
    bool dense;
    size_t numbers;  // of a map where all are dense, else of a pixel
    size_t count;    // of rows
} Rows;

static inline Rows rows_of(const Tensor *map, bool all_dense)
{
    const size_t numbers = all_dense ? tensor_count(map) : (size_t)map->shape.channels;
    return (Rows){all_dense, numbers, all_dense ? chunk_count(numbers) : tensor_pixels(map)};
}

static inline void *row_at(const Tensor *map, Rows rows, size_t row)
{
    return rows.dense ? (char *)map->data + row * CHUNK * tensor_number_bytes(map->type)
                      : tensor_pixel(map, row);
}

static inline size_t row_size(Rows rows, size_t row)
{
    return rows.dense ? chunk_size(rows.numbers, row) : rows.numbers;
}
