#include "core/kernels/channel_sums.h"

#include <omp.h>
#include <string.h>

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/simd.h"

SIMD_CLONES static void add_pixels_f32(float *restrict sums, const float *restrict map,
                                       size_t pixels, size_t channels, size_t stride)
{
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < channels; c++)
            sums[c] += map[p * stride + c];
    }
}

SIMD_CLONES static void add_pixels_bf16(float *restrict sums, const uint16_t *restrict map,
                                        size_t pixels, size_t channels, size_t stride)
{
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < channels; c++)
            sums[c] += bf16_to_float(map[p * stride + c]);
    }
}

size_t channel_sums_scratch(const Tensor *map, int threads)
{
    return (size_t)threads * (size_t)map->shape.channels;
}

void channel_sums_add(float *sums, const Tensor *map, float *scratch)
{
    const size_t channels = (size_t)map->shape.channels, pixels = tensor_pixels(map);
    const size_t stride = (size_t)map->pixel_stride;
    int threads = 1;
#pragma omp parallel
    {
        const size_t id = (size_t)omp_get_thread_num(), team = (size_t)omp_get_num_threads();
        const size_t first = pixels * id / team, count = pixels * (id + 1) / team - first;
        float *mine = scratch + id * channels;
        memset(mine, 0, channels * sizeof *mine);
        if (map->type == dnnl_f32)
            add_pixels_f32(mine, tensor_pixel(map, first), count, channels, stride);
        else
            add_pixels_bf16(mine, tensor_pixel(map, first), count, channels, stride);
#pragma omp single nowait
        threads = omp_get_num_threads();
    }
    for (int t = 0; t < threads; t++) {
        for (size_t c = 0; c < channels; c++)
            sums[c] += scratch[(size_t)t * channels + c];
    }
}
