/* core/comm/shard_sum.h -- adds up arrays, one for each shard, in an order that the number of
 * shards alone decides.
 *
 * The sum is a binary tree over the shards' numbers: neighbours first, then neighbouring pairs, and
 * so on; a shard without a neighbour moves up as it is. Shards lie on the ranks in equal blocks, so
 * a rank adds what it can of the tree by itself, and the rest is added by the ranks in slices, one
 * for each rank, and sent back to all (reduce-scatter and all-gather). Every number goes through
 * the same additions on 1, 2 or S ranks, whatever arrives first, and whatever the ranges in which
 * it is done: the bits are the same. Library all-reduces do not promise that. Both halves of it go
 * on while the ranks compute, for as long as they call it now and then.
 *
 * Memory   `count` numbers for each shard of this rank, and for each partial sum of others a slice.
 */
#pragma once
#include "core/comm/comm.h"

enum { SHARDS_MAX = 64 };

typedef struct ShardSum ShardSum;

/* `shards` is a multiple of the ranks; arrays have `count` numbers. ERR_NO_MEMORY. */
bool shard_sum_new(const Comm *comm, int shards, size_t count, ShardSum **sum, Error *err);
void shard_sum_free(ShardSum *sum);  // takes NULL
/* Arrays of `count` numbers that it holds. */
int shard_sum_arrays(int ranks, int shards);

/* The shards of this rank are [first, end). */
int shard_sum_first(const ShardSum *sum);
int shard_sum_end(const ShardSum *sum);
/* The array of one of them, to be filled before a range of it is begun. */
float *shard_sum_array(ShardSum *sum, int shard);

/* Numbers [first, first + count) of this rank's arrays are filled: begin to sum them. Their whole
 * sums come to total[0] and on, on every rank, until all is finished. All ranks begin the same
 * ranges in the same order, each number once. */
void shard_sum_begin(ShardSum *sum, size_t first, size_t count, float *total);
/* Go on with the ranges begun as far as the other ranks are. Never waits. */
void shard_sum_progress(ShardSum *sum);
/* Finish all ranges begun. */
void shard_sum_finish(ShardSum *sum);
