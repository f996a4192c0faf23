#include "server/data/import/duplicates.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "server/data/import/near.h"

typedef struct {
    ShortDigest digest;
    size_t record;
} Key;

static int compare(const void *a, const void *b)
{
    const Key *x = a, *y = b;
    if (x->digest.high != y->digest.high)
        return x->digest.high < y->digest.high ? -1 : 1;
    if (x->digest.low != y->digest.low)
        return x->digest.low < y->digest.low ? -1 : 1;
    return (x->record > y->record) - (x->record < y->record);
}

static void find_same(Records *r)
{
    Key *keys = xcalloc(r->count + 1, sizeof *keys);
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].kept)
            keys[count++] = (Key){.digest = r->items[i].traits.pixels, .record = i};
    qsort(keys, count, sizeof *keys, compare);
    for (size_t i = 0, first = 0; i < count; i++) {
        const ShortDigest *a = &keys[i].digest, *b = &keys[first].digest;
        if (a->high != b->high || a->low != b->low)
            first = i;
        r->items[keys[i].record].same = keys[first].record;
    }
    free(keys);
}

static bool has_look(const Record *record)
{
    return record->kept && !record->traits.one_colour;
}

static void find_near(Records *r)
{
    uint64_t *hashes = xcalloc(r->count + 1, sizeof *hashes);
    size_t *records = xcalloc(r->count + 1, sizeof *records),
           *groups = xcalloc(r->count + 1, sizeof *groups), count = 0;
    for (size_t i = 0; i < r->count; i++) {
        r->items[i].near = r->items[i].same;
        if (has_look(&r->items[i])) {
            hashes[count] = r->items[i].traits.phash;
            records[count++] = i;
        }
    }
    r->near_complete = near_groups(hashes, count, groups);
    for (size_t i = 0; i < count; i++)
        r->items[records[i]].near = records[groups[i]];
    free(hashes);
    free(records);
    free(groups);
}

void duplicates_find(Records *records)
{
    find_same(records);
    find_near(records);
}
