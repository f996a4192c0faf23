#include "server/data/import/duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "server/data/import/near.h"

/* A picture and what its pixels come down to; only its equals, or next to nothing, come down to the
 * same. */
typedef struct {
    const Traits *traits;
    char digest[65];  // SHA-256 of the pixels, where another has the same traits
    size_t record;
} Key;

static int compare_traits(const Traits *a, const Traits *b)
{
    const int sums = memcmp(a->sum, b->sum, sizeof a->sum);
    if (sums != 0)
        return sums;
    const int squares = memcmp(a->squares, b->squares, sizeof a->squares);
    return squares != 0 ? squares : memcmp(&a->phash, &b->phash, sizeof a->phash);
}

static int compare(const void *a, const void *b)
{
    const Key *x = a, *y = b;
    const int traits = compare_traits(x->traits, y->traits);
    if (traits != 0)
        return traits;
    const int digests = strcmp(x->digest, y->digest);
    return digests != 0 ? digests : (x->record > y->record) - (x->record < y->record);
}

typedef struct {
    RecordPixels *pixels_of;
    void *context;
    uint8_t *pixels;
    size_t bytes;
} Reader;

static bool digest(const Reader *r, Key *key, Error *err)
{
    if (!r->pixels_of(r->context, key->record, r->pixels, err))
        return false;
    Sha256 hash = sha256_new();
    sha256_add(&hash, r->pixels, r->bytes);
    sha256_hex(&hash, key->digest);
    return true;
}

/* Of those that do not stand alone. The keys are sorted, and are so again. */
static bool digest_equals(const Reader *r, Key *keys, size_t count, Error *err)
{
    for (size_t i = 0, first = 0; i < count; i++) {
        if (compare_traits(keys[i].traits, keys[first].traits) != 0)
            first = i;
        if (i == first)
            continue;
        if (i == first + 1 && !digest(r, &keys[first], err))
            return false;
        if (!digest(r, &keys[i], err))
            return false;
    }
    qsort(keys, count, sizeof *keys, compare);
    return true;
}

static bool find_same(Records *r, const Reader *reader, Error *err)
{
    Key *keys = xcalloc(r->count + 1, sizeof *keys);
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].kept)
            keys[count++] = (Key){.traits = &r->items[i].traits, .record = i};
    qsort(keys, count, sizeof *keys, compare);
    const bool ok = digest_equals(reader, keys, count, err);
    for (size_t i = 0, first = 0; ok && i < count; i++) {
        if (compare_traits(keys[i].traits, keys[first].traits) != 0
            || strcmp(keys[i].digest, keys[first].digest) != 0)
            first = i;
        r->items[keys[i].record].same = keys[first].record;
    }
    free(keys);
    return ok;
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

bool duplicates_find(Records *records, size_t picture_bytes, RecordPixels *pixels_of, void *context,
                     Error *err)
{
    const Reader reader = {pixels_of, context, xcalloc(picture_bytes, 1), picture_bytes};
    const bool ok = find_same(records, &reader, err);
    if (ok)
        find_near(records);
    free(reader.pixels);
    return ok;
}
