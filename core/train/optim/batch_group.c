#include "core/train/optim/batch_group.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/base/numbers/simd.h"
#include "core/base/threads/chunks.h"

struct BatchGroup {
    ParamStore *store;
    bool norm;
    int64_t examples, left;  // of the group; not yet begun
    float weight;            // of the batch
    bool first, last;        // batch of the group
    size_t seen;             // gradients of the batch that are complete
    double squares;          // of those of the group
    float *sums;             // of the batches before; NULL: a group is one batch
    KeptStatistics before;   // as they were at the begin of the group
};

int batch_group_arrays(int batches)
{
    return batches > 1 ? 1 : 0;
}

bool batch_group_new(ParamStore *store, int batches, bool norm, BatchGroup **result, Error *err)
{
    BatchGroup *g = xcalloc(1, sizeof *g);
    *g = (BatchGroup){.store = store, .norm = norm};
    if (batch_group_arrays(batches) > 0) {
        g->before = kept_statistics_new(store);
        g->sums = calloc(store->trained_count + 1, sizeof *g->sums);
        if (!g->sums) {
            batch_group_free(g);
            return fail(err, ERR_NO_MEMORY,
                        "no memory for the gradients of %zu parameters (%zu MB)",
                        store->trained_count, store->trained_count * sizeof *g->sums >> 20);
        }
    }
    *result = g;
    return true;
}

void batch_group_free(BatchGroup *g)
{
    if (!g)
        return;
    free(g->sums);
    kept_statistics_free(&g->before);
    free(g);
}

void batch_group_begin(BatchGroup *g, int64_t examples)
{
    g->examples = g->left = examples;
    if (g->sums)
        statistics_keep(g->store, &g->before);
}

void batch_group_give_up(BatchGroup *g)
{
    if (g->sums)
        statistics_restore(&g->before, g->store);
}

void batch_group_next(BatchGroup *g, int examples)
{
    INVARIANT(examples <= g->left);
    g->first = g->left == g->examples;
    g->left -= examples;
    g->last = g->left == 0;
    g->weight = (float)((double)examples / (double)g->examples);
    g->seen = 0;
    g->squares = 0;
}

/* ---- Ranges ---- */

SIMD_CLONES static void set_chunk(size_t count, float *restrict sums, float weight,
                                  const float *restrict grads)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        sums[i] = weight * grads[i];
}

SIMD_CLONES static void add_chunk(size_t count, float *restrict sums, float weight,
                                  const float *restrict grads)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        sums[i] += weight * grads[i];
}

SIMD_CLONES static void finish_chunk(size_t count, const float *restrict sums, float weight,
                                     float *restrict grads)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        grads[i] = sums[i] + weight * grads[i];
}

SIMD_CLONES static double squares_of_chunk(size_t count, const float *restrict grads)
{
    double squares = 0;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < count; i++)
        squares += (double)grads[i] * (double)grads[i];
    return squares;
}

/* Returns the squares of the group's gradients, where they are complete and asked for. */
static double process_chunk(BatchGroup *g, size_t at, size_t count)
{
    float *grads = g->store->grads + at;
    if (!g->last && g->first)
        set_chunk(count, g->sums + at, g->weight, grads);
    else if (!g->last)
        add_chunk(count, g->sums + at, g->weight, grads);
    else if (!g->first)
        finish_chunk(count, g->sums + at, g->weight, grads);
    return g->last && g->norm ? squares_of_chunk(count, grads) : 0;
}

void batch_group_ready(BatchGroup *g, size_t first, size_t count)
{
    enum { BLOCKS = 64 };  // so many sums, whatever the number of threads
    double squares[BLOCKS] = {0};
    const size_t chunks = chunk_count(count);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (size_t b = 0; b < BLOCKS; b++)
        for (size_t c = chunks * b / BLOCKS; c < chunks * (b + 1) / BLOCKS; c++)
            squares[b] += process_chunk(g, first + c * CHUNK, chunk_size(count, c));
    for (size_t b = 0; b < BLOCKS; b++)
        g->squares += squares[b];
    g->seen += count;
}

double batch_group_norm(const BatchGroup *g)
{
    INVARIANT(g->seen == g->store->trained_count);
    return sqrt(g->squares);
}

double clip_scale(double max_norm, double norm)
{
    const double scale = max_norm / (norm + 1e-6);
    return scale < 1 ? scale : 1;
}
