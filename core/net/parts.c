#include "core/net/parts.h"

#include "core/base/memory.h"

/* Enough examples to occupy the team, few enough that feature maps stay in cache. Measured in
 * tests/bench/NOTES.md; equal parts, so that one program serves a whole batch. */
int net_evaluation_micro_batch(int batch_size, int threads)
{
    enum { USUAL = 32, PER_THREAD = 8 };
    const int target = PER_THREAD * threads > USUAL ? PER_THREAD * threads : USUAL;
    const int parts = (batch_size + target - 1) / target;
    return (batch_size + parts - 1) / parts;
}

int net_default_micro_batch(const Graph *g, int batch_size, int threads)
{
    return graph_couples_examples(g) ? batch_size : net_evaluation_micro_batch(batch_size, threads);
}

int64_t net_epoch_examples(const Graph *g, int64_t examples, int batch_size)
{
    return graph_couples_examples(g) && examples % batch_size == 1 ? examples - 1 : examples;
}

int64_t net_epoch_batches(const Graph *g, int64_t examples, int batch_size)
{
    return (net_epoch_examples(g, examples, batch_size) + batch_size - 1) / batch_size;
}

static bool is_among(const int *sizes, int count, int64_t size)
{
    for (int i = 0; i < count; i++)
        if (sizes[i] == size)
            return true;
    return false;
}

int net_part_sizes(int64_t examples, int batch_size, int micro_batch, int sizes[NET_MAX_PART_SIZES])
{
    const int64_t batches[] = {examples >= batch_size ? batch_size : 0, examples % batch_size};
    int count = 0;
    for (size_t b = 0; b < COUNT(batches); b++) {
        const int64_t parts[] = {batches[b] >= micro_batch ? micro_batch : 0,
                                 batches[b] % micro_batch};
        for (size_t p = 0; p < COUNT(parts); p++) {
            if (parts[p] > 0 && !is_among(sizes, count, parts[p]))
                sizes[count++] = (int)parts[p];
        }
    }
    return count;
}
