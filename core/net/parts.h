/* core/net/parts.h -- how a batch is cut into micro-batches. */
#pragma once
#include <stdint.h>

#include "core/graph/graph.h"

/* The micro-batch that a net chooses for this batch size and this many threads: to train, the whole
 * batch where its layers couple the examples; to evaluate, they never do. */
int net_default_micro_batch(const Graph *g, int batch_size, int threads);
int net_evaluation_micro_batch(int batch_size, int threads);

/* How many of `examples` an epoch of training uses, in batches of batch_size and a last, smaller
 * one. Where the examples of a batch are coupled, a last batch of one is left out: with nothing to
 * compare it with, its statistics say nothing. */
int64_t net_epoch_examples(const Graph *g, int64_t examples, int batch_size);
int64_t net_epoch_batches(const Graph *g, int64_t examples, int batch_size);

/* How many examples the programs take that `examples`, cut into batches and those into
 * micro-batches, need: fills `sizes` and returns their number. */
enum { NET_MAX_PART_SIZES = 4 };
int net_part_sizes(int64_t examples, int batch_size, int micro_batch,
                   int sizes[NET_MAX_PART_SIZES]);
