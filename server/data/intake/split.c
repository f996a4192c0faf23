#include "server/data/intake/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/fnv.h"
#include "core/base/numbers/philox.h"

/* Pictures of one class in a group. */
typedef struct {
    int32_t label;
    int64_t count;
} LabelRun;

/* Pictures that stay together: members from `first` on, in `runs` runs from `first_run` on. */
typedef struct {
    size_t first, count;
    size_t first_run, runs;
    const char *key;  // the least of its pictures'
    uint64_t draw;
} Group;

typedef struct {
    const SplitItem *items;
    size_t count;
    int classes;
    size_t *members;  // (count), items by group, then label
    LabelRun *runs;   // (run_count), by group, then label
    size_t run_count;
    Group *groups;  // in the order of their draws
    size_t group_count;
    int64_t *size;  // (classes), pictures
    int64_t *want;  // (classes), pictures for testing
    int64_t *have;  // (classes), those that have been given so far
    IntakeSplit *split;
} Deal;

/* For sorting with what the comparison needs to know. */
static int compare_members(const void *one, const void *other, void *context)
{
    const SplitItem *items = context;
    const SplitItem *a = &items[*(const size_t *)one], *b = &items[*(const size_t *)other];
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->label > b->label) - (a->label < b->label);
}

static int compare_groups(const void *one, const void *other)
{
    const Group *a = one, *b = other;
    if (a->draw != b->draw)
        return a->draw < b->draw ? -1 : 1;
    return strcmp(a->key, b->key);
}

static uint64_t draw(PhiloxKey key, const char *name)
{
    const uint64_t h = fnv1a(name, strlen(name));  // any hash will do, Philox does the mixing
    const Philox four = philox(key, (Philox){{(uint32_t)h, (uint32_t)(h >> 32), 0, 0}});
    return (uint64_t)four.x[0] << 32 | four.x[1];
}

/* Adds a picture to the last group. */
static void add_member(Deal *d, const SplitItem *item)
{
    Group *g = &d->groups[d->group_count - 1];
    if (g->count == 0 || strcmp(item->key, g->key) < 0)
        g->key = item->key;
    if (g->runs == 0 || d->runs[d->run_count - 1].label != item->label) {
        d->runs[d->run_count++] = (LabelRun){item->label, 0};
        g->runs++;
    }
    d->runs[d->run_count - 1].count++;
    g->count++;
}

static void make_groups(Deal *d, uint64_t seed)
{
    for (size_t i = 0; i < d->count; i++)
        d->members[i] = i;
    qsort_r(d->members, d->count, sizeof *d->members, compare_members, (void *)d->items);
    for (size_t i = 0; i < d->count; i++) {
        const SplitItem *item = &d->items[d->members[i]];
        if (i == 0 || item->group < 0 || d->items[d->members[i - 1]].group != item->group)
            d->groups[d->group_count++] = (Group){.first = i, .first_run = d->run_count};
        add_member(d, item);
    }
    const PhiloxKey key = philox_key(seed, "test split");
    for (size_t g = 0; g < d->group_count; g++)
        d->groups[g].draw = draw(key, d->groups[g].key);
    if (d->group_count > 1)
        qsort(d->groups, d->group_count, sizeof *d->groups, compare_groups);
}

static void count_wanted(Deal *d, double share)
{
    for (size_t i = 0; i < d->count; i++)
        d->size[d->items[i].label]++;
    for (int c = 0; c < d->classes; c++) {
        const int64_t n = d->size[c];
        int64_t want = (int64_t)floor(share * (double)n + 0.5);
        if (share > 0 && want == 0)
            want = 1;
        d->want[c] = want > n - 1 ? n - 1 : want;
        if (n == 0)
            d->want[c] = 0;
    }
}

static void give(Deal *d, const Group *g)
{
    for (size_t i = g->first_run; i < g->first_run + g->runs; i++)
        d->have[d->runs[i].label] += d->runs[i].count;
    for (size_t i = g->first; i < g->first + g->count; i++)
        d->split[d->members[i]] = INTAKE_TEST;
}

/* How far a rule lets classes go. */
typedef enum {
    WITHIN,   // no class gets more than it wants
    NEAREST,  // the class at hand comes nearer to what it wants; none loses all to testing
    AT_LEAST  // none loses all to testing
} Rule;

static bool allowed(const Deal *d, const Group *g, int label, Rule rule)
{
    if (d->split[d->members[g->first]] == INTAKE_TEST)
        return false;
    for (size_t i = g->first_run; i < g->first_run + g->runs; i++) {
        const LabelRun *run = &d->runs[i];
        const int64_t most = rule == WITHIN ? d->want[run->label] : d->size[run->label] - 1;
        const int64_t lacks = d->want[label] - d->have[label];
        if (d->have[run->label] + run->count > most)
            return false;
        if (rule == NEAREST && run->label == label && run->count - lacks >= lacks)
            return false;
    }
    return true;
}

/* The groups that have pictures of each class, in the order of their draws: groups[start[c]] to
 * groups[start[c + 1]]. */
typedef struct {
    size_t *start;
    size_t *groups;
} ByClass;

static ByClass groups_by_class(const Deal *d)
{
    ByClass by = {xcalloc((size_t)d->classes + 2, sizeof *by.start),
                  xcalloc(d->run_count + 1, sizeof *by.groups)};
    for (size_t i = 0; i < d->run_count; i++)
        by.start[d->runs[i].label + 2]++;
    for (int c = 2; c <= d->classes; c++)
        by.start[c] += by.start[c - 1];
    for (size_t g = 0; g < d->group_count; g++)
        for (size_t i = 0; i < d->groups[g].runs; i++) {
            const int32_t label = d->runs[d->groups[g].first_run + i].label;
            by.groups[by.start[label + 1]++] = g;
        }
    return by;
}

static void deal_class(Deal *d, const ByClass *by, int label)
{
    for (Rule rule = WITHIN; rule <= AT_LEAST; rule++)
        for (size_t i = by->start[label]; i < by->start[label + 1]; i++) {
            const Group *g = &d->groups[by->groups[i]];
            const bool enough =
                rule == AT_LEAST ? d->have[label] > 0 : d->have[label] >= d->want[label];
            if (enough || d->want[label] == 0)
                return;
            if (allowed(d, g, label, rule))
                give(d, g);
        }
}

static int compare_sizes(const void *one, const void *other, void *context)
{
    const int64_t *size = context;
    const int a = *(const int *)one, b = *(const int *)other;
    if (size[a] != size[b])
        return size[a] < size[b] ? -1 : 1;
    return (a > b) - (a < b);
}

/* The smallest classes have the least choice: they come first. */
static void deal_all(Deal *d)
{
    int *order = xcalloc((size_t)d->classes + 1, sizeof *order);
    for (int c = 0; c < d->classes; c++)
        order[c] = c;
    qsort_r(order, (size_t)d->classes, sizeof *order, compare_sizes, d->size);
    ByClass by = groups_by_class(d);
    for (int c = 0; c < d->classes; c++)
        deal_class(d, &by, order[c]);
    free(by.start);
    free(by.groups);
    free(order);
}

bool split_assign(const SplitItem *items, size_t count, int classes, double share, uint64_t seed,
                  IntakeSplit *split, Error *err)
{
    if (!(share >= 0 && share <= SPLIT_MAX_SHARE))
        return fail(err, ERR_INVALID, "test_share must be 0 to %g, got %g", SPLIT_MAX_SHARE, share);
    Deal d = {.items = items,
              .count = count,
              .classes = classes,
              .members = xcalloc(count + 1, sizeof *d.members),
              .runs = xcalloc(count + 1, sizeof *d.runs),
              .groups = xcalloc(count + 1, sizeof *d.groups),
              .size = xcalloc((size_t)classes + 1, sizeof *d.size),
              .want = xcalloc((size_t)classes + 1, sizeof *d.want),
              .have = xcalloc((size_t)classes + 1, sizeof *d.have),
              .split = split};
    for (size_t i = 0; i < count; i++)
        split[i] = INTAKE_TRAIN;
    make_groups(&d, seed);
    count_wanted(&d, share);
    deal_all(&d);
    free(d.members);
    free(d.runs);
    free(d.groups);
    free(d.size);
    free(d.want);
    free(d.have);
    return true;
}
