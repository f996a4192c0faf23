#include "server/data/import/near.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "server/data/decoder/phash.h"

enum { BANDS = NEAR_BITS + 1 };
// Comparisons for each distance: a second or so; and for each hash, more than buckets of hashes
// that are spread evenly ask for.
static const long long WORK = 100000000, WORK_EACH = 1000;

typedef struct {
    uint64_t hash;
    size_t picture;
} Key;

/* Hashes, each once, and union-find over them. */
typedef struct {
    uint64_t *hashes;
    size_t *parents;  // a root is its own
    size_t *sizes;    // of a root's group, in pictures
    size_t count;
    Key *bucket_keys;  // (count): one band's value and the hash's index
    long long work;
} Search;

static int compare(const void *a, const void *b)
{
    const Key *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

static size_t root_of(Search *s, size_t i)
{
    while (s->parents[i] != i) {
        s->parents[i] = s->parents[s->parents[i]];
        i = s->parents[i];
    }
    return i;
}

static void join(Search *s, size_t a, size_t b)
{
    a = root_of(s, a);
    b = root_of(s, b);
    if (a == b || s->sizes[a] + s->sizes[b] > NEAR_MOST)
        return;
    const size_t least = a < b ? a : b, other = a < b ? b : a;
    s->parents[other] = least;
    s->sizes[least] += s->sizes[other];
}

/* The band's bits of a hash: 13 of them, 12 in the last band. */
static uint64_t band_of(uint64_t hash, int band)
{
    const int width = (PHASH_BITS + BANDS - 1) / BANDS;
    return hash >> band * width & (((uint64_t)1 << width) - 1);
}

/* Join all of one bucket that are `distance` apart. */
static bool join_bucket(Search *s, const Key *keys, size_t count, int distance)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t hash = s->hashes[keys[i].picture];
        for (size_t j = i + 1; j < count; j++)
            if (phash_distance(hash, s->hashes[keys[j].picture]) == distance)
                join(s, keys[i].picture, keys[j].picture);
        s->work += (long long)(count - i);
        if (s->work > WORK + WORK_EACH * (long long)s->count)
            return false;
    }
    return true;
}

static bool join_band(Search *s, int band, int distance)
{
    Key *keys = s->bucket_keys;
    for (size_t i = 0; i < s->count; i++)
        keys[i] = (Key){.hash = band_of(s->hashes[i], band), .picture = i};
    qsort(keys, s->count, sizeof *keys, compare);
    bool whole = true;
    for (size_t start = 0, end; start < s->count && whole; start = end) {
        for (end = start + 1; end < s->count && keys[end].hash == keys[start].hash;)
            end++;
        whole = join_bucket(s, keys + start, end - start, distance);
    }
    return whole;
}

/* The nearest first. */
static bool join_all(Search *s)
{
    bool whole = true;
    for (int distance = 1; distance <= NEAR_BITS; distance++) {
        s->work = 0;
        for (int band = 0; band < BANDS; band++)
            whole = join_band(s, band, distance) && whole;
    }
    return whole;
}

/* Equal hashes become one; nodes[i] is that of picture i. */
static void collect(Search *s, const uint64_t *hashes, size_t count, size_t *nodes)
{
    Key *keys = xcalloc(count, sizeof *keys);
    for (size_t i = 0; i < count; i++)
        keys[i] = (Key){.hash = hashes[i], .picture = i};
    qsort(keys, count, sizeof *keys, compare);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || keys[i].hash != keys[i - 1].hash) {
            s->hashes[s->count] = keys[i].hash;
            s->parents[s->count] = s->count;
            s->count++;
        }
        s->sizes[s->count - 1]++;
        nodes[keys[i].picture] = s->count - 1;
    }
    free(keys);
}

bool near_groups(const uint64_t *hashes, size_t count, size_t *groups)
{
    if (count == 0)
        return true;
    size_t *nodes = xcalloc(count, sizeof *nodes), *firsts = xcalloc(count, sizeof *firsts);
    Search s = {
        .hashes = xcalloc(count, sizeof *s.hashes),
        .parents = xcalloc(count, sizeof *s.parents),
        .sizes = xcalloc(count, sizeof *s.sizes),
        .bucket_keys = xcalloc(count, sizeof *s.bucket_keys),
    };
    collect(&s, hashes, count, nodes);
    const bool whole = join_all(&s);
    for (size_t i = count; i-- > 0;)
        firsts[root_of(&s, nodes[i])] = i;
    for (size_t i = 0; i < count; i++)
        groups[i] = firsts[root_of(&s, nodes[i])];
    free(s.hashes);
    free(s.parents);
    free(s.sizes);
    free(s.bucket_keys);
    free(nodes);
    free(firsts);
    return whole;
}
