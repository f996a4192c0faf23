#include "core/comm/shard_sum.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/base/numbers/simd.h"
#include "core/base/threads/chunks.h"

/* DESIGN  Node i of the tree is the sum of the shards from i up to its neighbour; where two nodes
 * are added, the left one becomes the sum. A rank adds those of its block whose partners lie in it.
 * The nodes that remain, the rank's tops, go to the others slice by slice; whoever owns a slice
 * finishes the tree there, the last addition into the total, and sends that back. `tops` is the
 * same list on all ranks.
 *
 * Of every range rank r owns the r-th slice. The tops are sent when a range is begun, at the same
 * place on all ranks, in the main channel. A slice is sent back as soon as all its tops have come,
 * on one rank earlier than on another, but in the order of the ranges: that is a channel of its
 * own, in which nothing is waited for that another rank may not have begun yet. */

typedef struct {
    size_t first, count;
    float *total;
    size_t room;   // where the owner's slice lies in the rooms of foreign tops
    int64_t tops;  // messages of the main channel up to this range's
} Range;

struct ShardSum {
    const Comm *comm;
    int shards, first, end;
    size_t count;
    float *own[SHARDS_MAX];   // arrays of this rank's shards; NULL: another's
    float *room[SHARDS_MAX];  // slices of other ranks' tops; NULL: none
    size_t room_used, room_size;
    Range *ranges;  // begun since the last finish, ...
    int range_count;
    int summed;  // ... of which so many have this rank's slice summed and sent back
};

static int owner(const ShardSum *s, int shard)
{
    return shard / (s->shards / comm_size(s->comm));
}

/* Whether shards i and i + stride are added at this level by one rank alone: all that they stand
 * for is its own. */
static bool is_local(const ShardSum *s, int i, int stride)
{
    const int end = i + 2 * stride < s->shards ? i + 2 * stride : s->shards;
    return owner(s, i) == owner(s, end - 1);
}

/* Whether node i is still there when every rank has added what it can. */
static bool is_top(const ShardSum *s, int i)
{
    for (int stride = 1; stride < s->shards; stride *= 2)
        if (i % (2 * stride) == stride)
            return !is_local(s, i - stride, stride);
    return true;
}

int shard_sum_arrays(int ranks, int shards)
{
    return ranks > 1 ? shards / ranks + 1 : shards;
}

static float *slice_room(size_t count)
{
    return calloc(count + 1, sizeof(float));
}

bool shard_sum_new(const Comm *comm, int shards, size_t count, ShardSum **result, Error *err)
{
    const int ranks = comm_size(comm), each = shards / ranks;
    INVARIANT(shards >= 1 && shards <= SHARDS_MAX && shards % ranks == 0);
    ShardSum *s = xcalloc(1, sizeof *s);
    *s = (ShardSum){.comm = comm, .shards = shards, .count = count};
    s->first = comm_rank(comm) * each;
    s->end = s->first + each;
    enum { MOST_RANGES = 4096 };  // each may round its slice up
    s->room_size = count / (size_t)ranks + MOST_RANGES;
    bool fits = true;
    for (int i = 0; i < shards; i++) {
        const bool mine = i >= s->first && i < s->end;
        if (mine)
            fits = fits && (s->own[i] = slice_room(count));
        else if (is_top(s, i))
            fits = fits && (s->room[i] = slice_room(s->room_size));
    }
    if (!fits) {
        shard_sum_free(s);
        return fail(err, ERR_NO_MEMORY, "no memory for the gradients of %d shards (%zu MB each)",
                    each, count * sizeof(float) >> 20);
    }
    *result = s;
    return true;
}

void shard_sum_free(ShardSum *s)
{
    if (!s)
        return;
    for (int i = 0; i < SHARDS_MAX; i++) {
        free(s->own[i]);
        free(s->room[i]);
    }
    free(s->ranges);
    free(s);
}

int shard_sum_first(const ShardSum *s)
{
    return s->first;
}

int shard_sum_end(const ShardSum *s)
{
    return s->end;
}

float *shard_sum_array(ShardSum *s, int shard)
{
    return s->own[shard];
}

/* ---- Additions ---- */

/* `to` may be `a`. */
SIMD_CLONES static void add_chunk(size_t count, float *to, const float *a, const float *b)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = a[i] + b[i];
}

static void add(size_t count, float *to, const float *a, const float *b)
{
    const size_t chunks = chunk_count(count);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (size_t c = 0; c < chunks; c++)
        add_chunk(chunk_size(count, c), to + c * CHUNK, a + c * CHUNK, b + c * CHUNK);
}

/* Whether nodes 0 and `stride` are all that is left. */
static bool is_root(const ShardSum *s, int stride)
{
    return 2 * stride >= s->shards;
}

static void add_own(ShardSum *s, const Range *range)
{
    for (int stride = 1; stride < s->shards; stride *= 2) {
        for (int i = 0; i + stride < s->shards; i += 2 * stride) {
            if (!is_local(s, i, stride) || !s->own[i])
                continue;
            float *a = s->own[i] + range->first;
            add(range->count, is_root(s, stride) ? range->total : a, a,
                s->own[i + stride] + range->first);
        }
    }
}

/* ---- Slices ---- */

/* Where rank r's slice of a range begins; r = ranks: where the range ends. */
static size_t slice_begin(const ShardSum *s, const Range *range, int r)
{
    return range->first + range->count * (size_t)r / (size_t)comm_size(s->comm);
}

static size_t slice_count(const ShardSum *s, const Range *range, int r)
{
    return slice_begin(s, range, r + 1) - slice_begin(s, range, r);
}

/* Send the tops of this rank to the owners of the slices, and expect those of the others. */
static void scatter(ShardSum *s, const Range *range)
{
    const Comm *c = s->comm;
    const size_t mine = slice_count(s, range, c->rank);
    for (int i = 0; i < s->shards; i++) {
        if (!is_top(s, i))
            continue;
        if (!s->own[i] && mine > 0)
            c->ops->receive(c->context, COMM_MAIN, owner(s, i), s->room[i] + range->room,
                            mine * sizeof(float));
        for (int r = 0; s->own[i] && r < c->size; r++) {
            const size_t theirs = slice_count(s, range, r);
            if (r != c->rank && theirs > 0)
                c->ops->send(c->context, COMM_MAIN, r, s->own[i] + slice_begin(s, range, r),
                             theirs * sizeof(float));
        }
    }
}

/* This rank's slice of node i. */
static float *node_slice(ShardSum *s, const Range *range, int i)
{
    return s->own[i] ? s->own[i] + slice_begin(s, range, s->comm->rank) : s->room[i] + range->room;
}

/* Where rank r's slice of the sums goes. */
static float *total_slice(const ShardSum *s, const Range *range, int r)
{
    return range->total + (slice_begin(s, range, r) - range->first);
}

/* The rest of the tree, in this rank's slice. */
static void add_tops(ShardSum *s, const Range *range)
{
    const size_t count = slice_count(s, range, s->comm->rank);
    float *total = total_slice(s, range, s->comm->rank);
    for (int stride = 1; stride < s->shards; stride *= 2) {
        for (int i = 0; i + stride < s->shards; i += 2 * stride) {
            if (is_local(s, i, stride))
                continue;
            float *a = node_slice(s, range, i);
            add(count, is_root(s, stride) ? total : a, a, node_slice(s, range, i + stride));
        }
    }
}

static void gather(ShardSum *s, const Range *range)
{
    const Comm *c = s->comm;
    const size_t mine = slice_count(s, range, c->rank);
    for (int r = 0; r < c->size; r++) {
        const size_t theirs = slice_count(s, range, r);
        if (r == c->rank)
            continue;
        if (mine > 0)
            c->ops->send(c->context, COMM_SUMS, r, total_slice(s, range, c->rank),
                         mine * sizeof(float));
        if (theirs > 0)
            c->ops->receive(c->context, COMM_SUMS, r, total_slice(s, range, r),
                            theirs * sizeof(float));
    }
}

static void sum_next(ShardSum *s)
{
    const Range *range = &s->ranges[s->summed++];
    add_tops(s, range);
    gather(s, range);
}

void shard_sum_begin(ShardSum *s, size_t first, size_t count, float *total)
{
    const Comm *c = s->comm;
    Range range = {.first = first, .count = count, .total = total, .room = s->room_used};
    add_own(s, &range);
    if (s->shards == 1)
        memcpy(total, s->own[0] + first, count * sizeof *total);
    if (comm_size(c) == 1 || count == 0)
        return;
    s->room_used += slice_count(s, &range, c->rank);
    INVARIANT(s->room_used <= s->room_size);
    scatter(s, &range);
    range.tops = c->ops->begun(c->context, COMM_MAIN);
    s->ranges = xrealloc(s->ranges, (size_t)s->range_count + 1, sizeof *s->ranges);
    s->ranges[s->range_count++] = range;
    shard_sum_progress(s);
}

void shard_sum_progress(ShardSum *s)
{
    const Comm *c = s->comm;
    while (s->summed < s->range_count
           && c->ops->progress(c->context, COMM_MAIN, s->ranges[s->summed].tops))
        sum_next(s);
    if (s->summed == s->range_count)
        comm_progress(c);
}

void shard_sum_finish(ShardSum *s)
{
    const Comm *c = s->comm;
    while (s->summed < s->range_count) {
        c->ops->finish(c->context, COMM_MAIN, s->ranges[s->summed].tops);
        sum_next(s);
    }
    if (s->range_count > 0)
        c->ops->finish(c->context, COMM_SUMS, COMM_ALL);
    s->range_count = s->summed = 0;
    s->room_used = 0;
}
