#include "core/kernels/batch_norm.h"

#include <omp.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/numbers/bf16.h"
#include "core/kernels/batch_norm_rows.h"
#include "core/kernels/conv/gemm.h"
#include "core/kernels/vec.h"

size_t batch_norm_padded(int channels)
{
    return ((size_t)channels + VEC - 1) / VEC * VEC;
}

size_t batch_norm_scratch(int channels, int threads)
{
    return (size_t)threads * 2 * batch_norm_padded(channels);
}

static const BatchNormPasses *passes_for(const Tensor *map)
{
    const bool bf16 = map->type == dnnl_bf16;
    return bf16 && BATCH_NORM_BF16 && gemm_kernel(true) ? BATCH_NORM_BF16 : &BATCH_NORM_PLAIN[bf16];
}

/* The calling thread's share of a map. */
typedef struct {
    BatchNormRows rows;
    size_t first;  // pixel
} Share;

/* `dst` is dst or its gradient. */
static Share share_of(const Tensor *map, const Tensor *dst)
{
    const size_t id = (size_t)omp_get_thread_num(), team = (size_t)omp_get_num_threads();
    const size_t channels = (size_t)map->shape.channels, pixels = tensor_pixels(map);
    const size_t first = pixels * id / team;
    return (Share){{.pixels = pixels * (id + 1) / team - first,
                    .channels = channels,
                    .padded = batch_norm_padded(map->shape.channels),
                    .stride = (size_t)dst->pixel_stride},
                   first};
}

static void *at(const Tensor *map, const Share *s)
{
    return tensor_pixel(map, s->first);
}

/* Where the calling thread sums up. */
static double *own_sums(const Share *s, double *scratch)
{
    double *mine = scratch + (size_t)omp_get_thread_num() * 2 * s->rows.padded;
    memset(mine, 0, 2 * s->rows.padded * sizeof *mine);
    return mine;
}

/* The sums of all threads, in order, become those of the first. */
static void add_threads(double *scratch, size_t padded, int threads)
{
    for (int t = 1; t < threads; t++) {
        for (size_t i = 0; i < 2 * padded; i++)
            scratch[i] += scratch[(size_t)t * 2 * padded + i];
    }
}

void batch_norm_statistics(const Tensor *src, float *mean, float *variance, double *scratch)
{
    const BatchNormPasses *passes = passes_for(src);
    const int channels = src->shape.channels;
    const size_t padded = batch_norm_padded(channels);
    memset(mean, 0, padded * sizeof *mean);
    for (int c = 0; c < channels; c++)
        mean[c] = src->type == dnnl_f32 ? ((const float *)src->data)[c]
                                        : bf16_to_float(((const uint16_t *)src->data)[c]);
    int threads = 1;
#pragma omp parallel
    {
        const Share s = share_of(src, src);
        passes->statistics(&s.rows, at(src, &s), mean, own_sums(&s, scratch));
#pragma omp single nowait
        threads = omp_get_num_threads();
    }
    add_threads(scratch, padded, threads);
    const double count = (double)tensor_pixels(src);
    memset(variance, 0, padded * sizeof *variance);
    for (int c = 0; c < channels; c++) {
        const double distance = scratch[c] / count;
        const double spread = scratch[padded + (size_t)c] / count - distance * distance;
        mean[c] = (float)((double)mean[c] + distance);
        variance[c] = spread < 0 ? 0 : (float)spread;  // below 0 by rounding; a NaN stays
    }
}

void batch_norm_values(Tensor *dst, const Tensor *src, const BatchNormTerms *t)
{
    INVARIANT(dst->type == src->type && tensor_count(dst) == tensor_count(src));
    const BatchNormPasses *passes = passes_for(src);
#pragma omp parallel
    {
        const Share s = share_of(src, dst);
        passes->values(&s.rows, at(dst, &s), at(src, &s), t);
    }
}

void batch_norm_grad_sums(const Tensor *diff_dst, const Tensor *src, const BatchNormTerms *t,
                          float *sums, float *products, double *scratch)
{
    INVARIANT(diff_dst->type == src->type && tensor_count(diff_dst) == tensor_count(src));
    const BatchNormPasses *passes = passes_for(src);
    const size_t padded = batch_norm_padded(src->shape.channels);
    int threads = 1;
#pragma omp parallel
    {
        const Share s = share_of(src, diff_dst);
        passes->grad_sums(&s.rows, at(diff_dst, &s), at(src, &s), t, own_sums(&s, scratch));
#pragma omp single nowait
        threads = omp_get_num_threads();
    }
    add_threads(scratch, padded, threads);
    for (size_t c = 0; c < padded; c++) {
        sums[c] = (float)scratch[c];
        products[c] = (float)scratch[padded + c];
    }
}

void batch_norm_grad(Tensor *diff_src, const Tensor *diff_dst, const Tensor *src,
                     const BatchNormTerms *t)
{
    INVARIANT(diff_dst->type == src->type && diff_src->type == src->type);
    const BatchNormPasses *passes = passes_for(src);
#pragma omp parallel
    {
        const Share s = share_of(src, diff_dst);
        passes->grad(&s.rows, at(diff_src, &s), at(diff_dst, &s), at(src, &s), t);
    }
}
