#include "core/layers/grad_accumulators.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/slab.h"
#include "core/base/threads/chunks.h"

struct GradAccumulators {
    GradAccumulator **items;
    int count;
    const float **stored;  // gradients of which the store holds a part of this batch
    int stored_count;
};

GradAccumulators *grad_accumulators_new(void)
{
    return xcalloc(1, sizeof(GradAccumulators));
}

static void accumulator_free(GradAccumulator *a)
{
    slab_free(a->weights, a->bytes);
    free(a);
}

void grad_accumulators_free(GradAccumulators *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->count; i++)
        accumulator_free(g->items[i]);
    free(g->items);
    free(g->stored);
    free(g);
}

void grad_accumulators_begin(GradAccumulators *g)
{
    for (int i = 0; i < g->count; i++)
        g->items[i]->started = false;
    g->stored_count = 0;
}

bool grad_accumulators_add(GradAccumulators *g, const float *grads)
{
    for (int i = 0; i < g->stored_count; i++) {
        if (g->stored[i] == grads)
            return true;
    }
    g->stored = xrealloc(g->stored, (size_t)g->stored_count + 1, sizeof *g->stored);
    g->stored[g->stored_count++] = grads;
    return false;
}

static bool same_key(const GradAccumulatorKey *a, const GradAccumulatorKey *b)
{
    return a->grads == b->grads && a->layout == b->layout && a->weights == b->weights
           && a->biases == b->biases;
}

GradAccumulator *grad_accumulator_get(GradAccumulators *g, GradAccumulatorKey key, Error *err)
{
    for (int i = 0; i < g->count; i++) {
        if (same_key(&g->items[i]->key, &key)) {
            g->items[i]->users++;
            return g->items[i];
        }
    }
    const size_t bytes = (key.weights + key.biases) * sizeof(float);
    float *numbers = slab_new(bytes);
    if (!numbers) {
        fail(err, ERR_NO_MEMORY, "no memory for gradients: %zu MB are needed", bytes >> 20);
        return NULL;
    }
    GradAccumulator *a = xcalloc(1, sizeof *a);
    *a = (GradAccumulator){key, numbers, numbers + key.weights, bytes, false, 1};
    g->items = xrealloc(g->items, (size_t)g->count + 1, sizeof(GradAccumulator *));
    return g->items[g->count++] = a;
}

void grad_accumulator_release(GradAccumulators *g, GradAccumulator *a)
{
    if (!a || --a->users > 0)
        return;
    for (int i = 0; i < g->count; i++) {
        if (g->items[i] == a)
            g->items[i] = g->items[--g->count];
    }
    accumulator_free(a);
}

void grad_accumulator_start(GradAccumulator *a)
{
    const size_t count = a->bytes / sizeof(float), chunks = chunk_count(count);
    if (a->started)
        return;
    a->started = true;
    // By all threads: a network's accumulators are as large as its parameters.
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++)
        memset(a->weights + c * CHUNK, 0, chunk_size(count, c) * sizeof(float));
}

bool grad_accumulator_flush(GradAccumulators *g, GradAccumulator *a, float *bias_grads)
{
    if (!a->started)
        return false;
    a->started = false;
    if (a->key.biases == 0)
        return true;
    const bool add = grad_accumulators_add(g, bias_grads);
    for (size_t o = 0; o < a->key.biases; o++)
        bias_grads[o] = a->bias[o] + (add ? bias_grads[o] : 0);
    return true;
}
